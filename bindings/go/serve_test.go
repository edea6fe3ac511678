// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// together runs a function on many goroutines and gives the first error.
func together(count int, work func(worker int) error) error {
	done := make(chan error, count)
	for worker := 0; worker < count; worker++ {
		go func(worker int) { done <- work(worker) }(worker)
	}
	var first error
	for worker := 0; worker < count; worker++ {
		if err := <-done; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func TestManyGoroutinesScoreOneModel(t *testing.T) {
	model := fixtureModel(t)
	ok(t, model.SetScorers(ScorerOptions{Limit: 3}))
	histories := sequencesOf(50)
	want := must(model.RecommendBatch(histories, 6, nil))
	ok(t, together(64, func(worker int) error {
		var best []Recommendation
		for i := range histories {
			user := (i + worker) % len(histories)
			var err error
			best, err = model.AppendRecommend(best[:0], histories[user], 6, nil)
			if err != nil {
				return err
			}
			if !reflect.DeepEqual(best, want[user]) {
				return fmt.Errorf("user %d: %v instead of %v", user, best, want[user])
			}
		}
		return nil
	}))
	recommender := model.inside.recommender.Load()
	if pool := &recommender.seats; len(pool.idle) > 3 || pool.lent != 0 {
		t.Errorf("%d idle seats, %d lent, at most 3 allowed", len(pool.idle), pool.lent)
	}
	if made := must(recommender.Statistics()).Scorers; made > 3 {
		t.Errorf("%d scorers, at most 3 allowed", made)
	}
}

// Those who change a model and those who read it do not meet inside the library.
func TestReadersAndWritersOfOneModel(t *testing.T) {
	model := fixtureModel(t)
	source := must(model.Clone())
	defer source.Close()
	names := must(NewVocabulary(nil, 1, Integers(sequence(fixtureItems))))
	defer names.Close()
	ok(t, together(8, func(worker int) error {
		for i := 0; i < 30; i++ {
			var err error
			switch worker {
			case 0:
				err = model.CopyWeights(source)
			case 1:
				err = model.SetNames(names, nil)
			case 2:
				err = errorOf(model.Clone())
			case 3:
				err = errorOf(model.ItemVectors())
			case 4:
				err = source.CopyWeights(model)
			default:
				err = errorOf(model.Recommend([]int32{1, 2}, 3, nil))
			}
			if err != nil {
				return fmt.Errorf("worker %d: %w", worker, err)
			}
		}
		return nil
	}))
}

func sequence(count int) (numbers []int64) {
	for i := 0; i < count; i++ {
		numbers = append(numbers, int64(i))
	}
	return numbers
}

// live is a model that is replaced while it serves.
type live struct{ current atomic.Pointer[Model] }

func (l *live) Recommend(history []int32, k int) ([]Recommendation, error) {
	for {
		model := l.current.Load()
		best, err := model.Recommend(history, k, nil)
		if errors.Is(err, ErrClosed) && l.current.Load() != model {
			continue // it was replaced between the two lines
		}
		return best, err
	}
}

func (l *live) Swap(model *Model) { l.current.Swap(model).Close() }

func TestHotSwapUnderLoad(t *testing.T) {
	history := []int32{3, 9, 4}
	models := make([]*Model, 20)
	answers := map[string]bool{}
	for seed := range models {
		models[seed] = must(NewModel(nil, ModelOptions{ItemSize: 50, HiddenSize: 16,
			Seed: Ptr(uint64(seed))}))
		answers[fmt.Sprint(must(models[seed].Recommend(history, 5, nil)))] = true
	}
	var server live
	server.current.Store(models[0])
	var stop atomic.Bool
	var served atomic.Int64
	var group sync.WaitGroup
	for worker := 0; worker < 8; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for !stop.Load() {
				best, err := server.Recommend(history, 5)
				if err != nil || !answers[fmt.Sprint(best)] {
					t.Errorf("%v, %v", best, err)
					return
				}
				served.Add(1)
			}
		}()
	}
	for _, next := range models[1:] {
		for before := served.Load(); served.Load() < before+20 && !t.Failed(); {
			must(server.Recommend(history, 5))
		}
		server.Swap(next)
	}
	stop.Store(true)
	group.Wait()
	for _, model := range models[:len(models)-1] {
		if state := model.h.state.Load(); state != destroyedState {
			t.Errorf("a model that was replaced is in state %x", state)
		}
	}
	models[len(models)-1].Close()
}

// A model serves while another one is trained from it, and stays what it was.
func TestServingWhileTraining(t *testing.T) {
	data, model := fixtureDataset(t), fixtureModel(t)
	history := []int32{3, 9, 4}
	before := must(model.Recommend(history, 5, nil))
	same := func(Progress) error {
		if now := must(model.Recommend(history, 5, nil)); !reflect.DeepEqual(now, before) {
			t.Errorf("%v instead of %v", now, before)
		}
		return nil
	}
	trained, _, err := Pretrain(context.Background(), model, data, &RunOptions{Epochs: 2,
		OnStep: same})
	ok(t, err)
	defer trained.Close()
	ok(t, same(Progress{}))
	if after := must(trained.Recommend(history, 5, nil)); reflect.DeepEqual(after, before) {
		t.Error("training changed nothing")
	}
}

func TestLogHasItsOwnFunction(t *testing.T) {
	lines := make([]atomic.Int64, 4)
	ok(t, together(len(lines), func(worker int) error {
		c, err := NewContext(&ContextOptions{Log: func(level LogLevel, message string) {
			if level != LogInfo && level != LogWarning || message == "" {
				t.Errorf("level %d, %q", level, message)
			}
			lines[worker].Add(1)
		}})
		if err != nil {
			return err
		}
		defer c.Close()
		before := lines[worker].Load()
		events := must(NewEvents(c))
		defer events.Close()
		path := writeFile(t, fmt.Sprint(worker), "user,item\na,b\nc\nd\n")
		_, err = events.Read(path, &TableOptions{Format: TableCSV, NoTimestamp: true,
			BadRowLimit: 2})
		if got := lines[worker].Load() - before; err == nil && got < 2 {
			err = fmt.Errorf("%d lines for two bad rows", got)
		}
		return err
	}))
}

// A panic of a log function ends the program, not the library's bookkeeping.
func TestPanicInLog(t *testing.T) {
	if os.Getenv("S3GO_PANIC") != "" {
		defer func() { _ = recover() }()
		c, err := NewContext(&ContextOptions{Log: func(LogLevel, string) { panic("oh dear") }})
		ok(t, err)
		events := must(NewEvents(c))
		path := writeFile(t, "table", "user,item\na,b\nc\n")
		_, _ = events.Read(path, &TableOptions{Format: TableCSV, NoTimestamp: true, BadRowLimit: 2})
		return
	}
	command := exec.Command(os.Args[0], "-test.run=^TestPanicInLog$")
	command.Env = append(os.Environ(), "S3GO_PANIC=1")
	output, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "panic: oh dear") {
		t.Errorf("%v: %s", err, output)
	}
}
