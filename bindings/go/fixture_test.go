// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"errors"
	"math/rand"
	"testing"
)

// must gives the value of a call that may not fail in a test.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants fails unless err is of a status and says why.
func wants(t testing.TB, err error, status error) {
	t.Helper()
	if !errors.Is(err, status) {
		t.Fatalf("got %v, want %v", err, status)
	}
	var detailed *Error
	if errors.As(err, &detailed) && detailed.Detail == "" {
		t.Fatalf("%v has no detail", err)
	}
}

// errorOf is the last of the values of a call.
func errorOf(values ...any) error {
	err, _ := values[len(values)-1].(error)
	return err
}

const fixtureItems = 40

// sequencesOf makes up users who walk through the catalogue with steps of 1 and 2.
func sequencesOf(users int) [][]int32 {
	random := rand.New(rand.NewSource(7))
	sequences := make([][]int32, users)
	for user := range sequences {
		item := random.Intn(fixtureItems)
		for i := 0; i < 6+random.Intn(8); i++ {
			sequences[user] = append(sequences[user], int32(item%fixtureItems)+1)
			item += 1 + random.Intn(2)
		}
	}
	sequences[0] = append([]int32{fixtureItems}, sequences[0]...)
	return sequences
}

func fixtureDataset(t testing.TB) *Dataset {
	t.Helper()
	arrays := DatasetArrays{Sequences: sequencesOf(60), Attributes: map[int32][]int32{}}
	for item := int32(1); item <= fixtureItems; item++ {
		arrays.Attributes[item] = []int32{item % 5, 5 + item%3}
	}
	random := rand.New(rand.NewSource(8))
	for range arrays.Sequences {
		row := make([]int32, 20)
		for i := range row {
			row[i] = random.Int31n(fixtureItems) + 1
		}
		arrays.Negatives = append(arrays.Negatives, row)
	}
	data, err := NewDataset(nil, arrays)
	ok(t, err)
	t.Cleanup(func() { data.Close() })
	return data
}

func fixtureModel(t testing.TB) *Model {
	t.Helper()
	model, err := NewModel(nil, ModelOptions{ItemSize: fixtureItems + 2, AttributeSize: 8,
		HiddenSize: 16, MaxSeqLength: 12})
	ok(t, err)
	t.Cleanup(func() { model.Close() })
	return model
}
