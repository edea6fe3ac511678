// SPDX-License-Identifier: Apache-2.0

package s3rec_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"libs3rec/go/s3rec"
)

// A model with random weights gives recommendations. It ignores item 4000, which it does not know.
func Example() {
	model, err := s3rec.NewModel(nil, s3rec.ModelOptions{ItemSize: 102})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	best, err := model.Recommend([]int32{12, 7, 93, 4000}, 3, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(best), best[0].Score >= best[1].Score)
	// Output: 3 true
}

// From a file of ratings to recommendations by name.
func Example_ratings() {
	folder, err := os.MkdirTemp("", "s3rec")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "ratings.csv")
	table := "user,item,timestamp\n"
	for user := 0; user < 30; user++ {
		for i := 0; i < 8; i++ {
			table += fmt.Sprintf("u%d,film %d,%d\n", user, (user*3+i)%12, i)
		}
	}
	if err := os.WriteFile(path, []byte(table), 0o600); err != nil {
		log.Fatal(err)
	}

	events, err := s3rec.NewEvents(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer events.Close()
	if _, err := events.Read(path, nil); err != nil {
		log.Fatal(err)
	}
	data, _, err := events.Dataset(&s3rec.EventsOptions{MinUserEvents: 5})
	if err != nil {
		log.Fatal(err)
	}
	defer data.Close()
	model, err := s3rec.NewModelFor(nil, data, s3rec.ModelOptions{HiddenSize: 32})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	options := &s3rec.RunOptions{Epochs: 40, Refit: s3rec.RefitAll}
	tuned, _, err := s3rec.Finetune(context.Background(), model, data, options)
	if err != nil {
		log.Fatal(err)
	}
	defer tuned.Close()
	best, err := tuned.RecommendNames([]string{"film 2", "film 3", "film 4"}, 1, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(best[0].Name)
	// Output: film 5
}

func ExampleStatus() {
	_, err := s3rec.LoadModel(nil, "/absent/model.safetensors", nil)
	fmt.Println(errors.Is(err, s3rec.ErrIO))
	var detailed *s3rec.Error
	if errors.As(err, &detailed) {
		fmt.Println(detailed.Status)
	}
	// Output:
	// true
	// s3rec: io
}

func ExamplePtr() {
	options := s3rec.ModelOptions{ItemSize: 12, HiddenDropout: s3rec.Ptr(0.0)}
	model, err := s3rec.NewModel(nil, options)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	config, err := model.Config()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(config.HiddenDropout, config.AttentionDropout)
	// Output: 0 0.5
}

func ExamplePretrain() {
	sequences := [][]int32{{1, 2, 3, 4, 5}, {2, 3, 4, 5, 6}, {3, 4, 5, 6, 7}}
	data, err := s3rec.NewDataset(nil, s3rec.DatasetArrays{Sequences: sequences})
	if err != nil {
		log.Fatal(err)
	}
	defer data.Close()
	model, err := s3rec.NewModelFor(nil, data, s3rec.ModelOptions{HiddenSize: 32})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, _, err = s3rec.Pretrain(ctx, model, data, &s3rec.RunOptions{
		OnEpoch: func(p s3rec.Progress) error {
			fmt.Println("epoch", p.Epoch, p.Loss > 0)
			if p.Epoch == 2 {
				cancel()
			}
			return nil
		}})
	fmt.Println(errors.Is(err, context.Canceled))
	// Output:
	// epoch 1 true
	// epoch 2 true
	// true
}
