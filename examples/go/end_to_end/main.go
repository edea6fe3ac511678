// SPDX-License-Identifier: Apache-2.0

// Command end_to_end is examples/end_to_end.c in Go.
//
//	usage: end_to_end EVENTS ITEMS MODEL USER...
package main

import (
	"context"
	"fmt"
	"os"

	"libs3rec/go/s3rec"
)

const pretrainEpochs, finetuneEpochs = 2, 3 // few; 0: as in the recipe

func main() {
	if len(os.Args) < 5 {
		fmt.Fprintf(os.Stderr, "usage: %s EVENTS ITEMS MODEL USER...\n", os.Args[0])
		os.Exit(1)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(log, items, path string, users []string) error {
	data, err := loadData(log, items)
	if err != nil {
		return err
	}
	defer data.Close()
	model, err := train(data)
	if err != nil {
		return err
	}
	defer model.Close()
	if err := measure(model, data); err != nil {
		return err
	}
	if err := model.Save(path); err != nil {
		return err
	}
	return serve(path, data, users)
}

// train makes three models: a fresh one, and one of each stage.
func train(data *s3rec.Dataset) (*s3rec.Model, error) {
	fresh, err := s3rec.NewModelFor(nil, data, s3rec.ModelOptions{MaxSeqLength: 20, HiddenSize: 32,
		HiddenLayers: 1})
	if err != nil {
		return nil, err
	}
	defer fresh.Close()
	ctx := context.Background()
	pretrained, _, err := s3rec.Pretrain(ctx, fresh, data, training("pretrain", pretrainEpochs))
	if err != nil {
		return nil, err
	}
	defer pretrained.Close()
	tuned, _, err := s3rec.Finetune(ctx, pretrained, data, training("finetune", finetuneEpochs))
	return tuned, err
}

func loadData(log, items string) (*s3rec.Dataset, error) {
	events, err := s3rec.NewEvents(nil)
	if err != nil {
		return nil, err
	}
	defer events.Close()
	if _, err := events.Read(log, nil); err != nil {
		return nil, err
	}
	if _, err := events.ReadAttributes(items, nil); err != nil {
		return nil, err
	}
	data, report, err := events.Dataset(&s3rec.EventsOptions{MinUserEvents: 5, MinItemEvents: 5})
	if err == nil {
		fmt.Printf("events %d, kept %d, items with attributes %d\n", report.Events, report.Kept,
			report.AttributedItems)
	}
	return data, err
}

func training(phase string, epochs int) *s3rec.RunOptions {
	return &s3rec.RunOptions{Epochs: epochs, OnEpoch: func(at s3rec.Progress) error {
		name := phase
		if at.Refit {
			name = "refit"
		}
		fmt.Printf("%s %d: loss %.17g, valid %.17g\n", name, at.Epoch, at.Loss, at.ValidValue)
		return nil
	}}
}

func measure(model *s3rec.Model, data *s3rec.Dataset) error {
	found, err := model.Evaluate(data, nil)
	if err == nil {
		fmt.Printf("test, %d users: HR@10 %.17g, NDCG@10 %.17g, MRR %.17g\n", found.Users,
			found.HitRate[2], found.NDCG[1], found.MRR)
	}
	return err
}

// serve works as a server does: everything comes from the mapped model file, also the names.
func serve(path string, data *s3rec.Dataset, users []string) error {
	recommender, err := s3rec.OpenRecommender(path, nil)
	if err != nil {
		return err
	}
	defer recommender.Close()
	userNames, err := data.UserNames()
	if err != nil {
		return err
	}
	defer userNames.Close()
	request := s3rec.Request{K: 5}
	for _, user := range users {
		number, err := userNames.Find(user)
		if err != nil {
			return err
		}
		history, err := data.UserItems(int(number))
		if err != nil {
			return err
		}
		request.Items = append(request.Items, history)
	}
	answers, err := recommender.Answer(request)
	if err != nil {
		return err
	}
	for i, user := range users {
		for _, item := range answers[i].Items {
			fmt.Printf("%s: %s %.9g\n", user, item.Name, item.Score)
		}
	}
	return nil
}
