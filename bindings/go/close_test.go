// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Every method of every handle, on one that is closed, nil or a zero value.
func TestCallsOnClosedHandles(t *testing.T) {
	c := must(NewContext(nil))
	data, model := fixtureDataset(t), fixtureModel(t)
	vocabulary := must(NewVocabulary(nil, 0, Strings{"a"}))
	events, batch := must(NewEvents(nil)), must(NewBatch(nil))
	sampler := must(NewSampler(data, StagePretrain, nil))
	trained := must(model.Clone())
	defer trained.Close()
	trainer := must(NewTrainer(trained, nil))
	run := must(NewRun(model, data, StagePretrain, nil))
	recommender := must(NewRecommender(model, nil))
	filter := must(recommender.NewFilter(FilterOptions{}))
	closers := []io.Closer{c, data, model, vocabulary, events, batch, sampler, trainer, run,
		recommender, filter}
	for round := 0; round < 2; round++ {
		for _, closer := range closers {
			ok(t, closer.Close())
		}
	}
	t.Run("closed", func(t *testing.T) {
		everyCall(t, c, data, model, vocabulary, events, batch, sampler, trainer, run,
			recommender, filter)
	})
	t.Run("zero", func(t *testing.T) {
		everyCall(t, &Context{}, &Dataset{}, &Model{}, &Vocabulary{}, &Events{}, &Batch{},
			&Sampler{}, &Trainer{}, &Run{}, &Recommender{}, &Filter{})
	})
	t.Run("nil", func(t *testing.T) {
		everyCall(t, &Context{}, nil, nil, nil, nil, nil, nil, nil, nil, nil, &Filter{})
	})
}

func everyCall(t *testing.T, c *Context, data *Dataset, model *Model, vocabulary *Vocabulary,
	events *Events, batch *Batch, sampler *Sampler, trainer *Trainer, run *Run,
	recommender *Recommender, filter *Filter) {
	path, history := filepath.Join(t.TempDir(), "file"), []int32{1}
	fine, other := fixtureDataset(t), fixtureModel(t)
	for name, err := range map[string]error{
		"NewDataset":     errorOf(NewDataset(c, DatasetArrays{Sequences: [][]int32{{1}}})),
		"LoadDataset":    errorOf(LoadDataset(c, DatasetFiles{Sequences: path})),
		"NewModel":       errorOf(NewModel(c, ModelOptions{ItemSize: 9})),
		"LoadModel":      errorOf(LoadModel(c, path, nil)),
		"MapModel":       errorOf(MapModel(c, path, nil)),
		"NewVocabulary":  errorOf(NewVocabulary(c, 0, Strings{"a"})),
		"NewEvents":      errorOf(NewEvents(c)),
		"NewBatch":       errorOf(NewBatch(c)),
		"NewModelFor":    errorOf(NewModelFor(nil, data, ModelOptions{})),
		"NewSampler":     errorOf(NewSampler(data, StagePretrain, nil)),
		"NewRun":         errorOf(NewRun(model, fine, StagePretrain, nil)),
		"NewRun data":    errorOf(NewRun(other, data, StagePretrain, nil)),
		"NewTrainer":     errorOf(NewTrainer(model, nil)),
		"Pretrain":       errorOf(Pretrain(context.Background(), model, data, nil)),
		"Info":           errorOf(data.Info()),
		"UserItems":      errorOf(data.UserItems(0)),
		"ItemAttributes": errorOf(data.ItemAttributes(1)),
		"UserNegatives":  errorOf(data.UserNegatives(0)),
		"d.ItemNames":    errorOf(data.ItemNames()),
		"d.UserNames":    errorOf(data.UserNames()),
		"d.AttrNames":    errorOf(data.AttributeNames()),
		"Save":           model.Save(path),
		"Clone":          errorOf(model.Clone()),
		"Config":         errorOf(model.Config()),
		"SetDropouts":    model.SetDropouts(0, 0),
		"CopyWeights":    model.CopyWeights(other),
		"CopyWeights of": other.CopyWeights(model),
		"Parameters":     errorOf(model.Parameters()),
		"ReadParameter":  errorOf(model.ReadParameter("x")),
		"WriteParameter": model.WriteParameter("x", []float32{1}),
		"ItemVectors":    errorOf(model.ItemVectors()),
		"SetScorers":     model.SetScorers(ScorerOptions{}),
		"FreeScorers":    model.FreeScorers(),
		"ItemNames":      errorOf(model.ItemNames()),
		"AttributeNames": errorOf(model.AttributeNames()),
		"SetNames":       model.SetNames(nil, nil),
		"Recommend":      errorOf(model.Recommend(history, 1, nil)),
		"RecommendBatch": errorOf(model.RecommendBatch([][]int32{history}, 1, nil)),
		"RecommendNames": errorOf(model.RecommendNames([]string{"a"}, 1, nil)),
		"RecommendIDs":   errorOf(model.RecommendIDs([]int64{1}, 1, nil)),
		"UserVector":     errorOf(model.UserVector(history)),
		"UserVectors":    errorOf(model.UserVectors([][]int32{history})),
		"ScoreAll":       errorOf(model.ScoreAll(history)),
		"Encode":         errorOf(model.Encode(Causal, [][]int32{history})),
		"Evaluate":       errorOf(model.Evaluate(fine, nil)),
		"Evaluate data":  errorOf(other.Evaluate(data, nil)),
		"EvaluateRanks":  errorOf(model.EvaluateRanks(fine, nil)),
		"Name":           errorOf(vocabulary.Name(0)),
		"All":            errorOf(vocabulary.All()),
		"Find":           errorOf(vocabulary.Find("a")),
		"FindAll":        errorOf(vocabulary.FindAll(Strings{"a"})),
		"FindAll none":   errorOf(vocabulary.FindAll(nil)),
		"Read":           errorOf(events.Read(path, nil)),
		"ReadAttributes": errorOf(events.ReadAttributes(path, nil)),
		"Append":         events.Append(EventColumns{Users: Strings{"a"}, Items: Strings{"b"}}),
		"AppendNothing":  events.Append(EventColumns{Users: Strings{}, Items: Strings{}}),
		"AppendAttrs":    events.AppendAttributes(Strings{"a"}, Strings{"b"}),
		"Events.Dataset": errorOf(events.Dataset(nil)),
		"SetFinetune":    batch.SetFinetune(1, 1, history, history, nil),
		"b.Info":         errorOf(batch.Info()),
		"b.Read":         errorOf(batch.Read("input_ids")),
		"EpochSize":      errorOf(sampler.EpochSize()),
		"Next":           sampler.Next(must(NewBatch(nil))),
		"Position":       errorOf(sampler.Position()),
		"Seek":           sampler.Seek(0, 0),
		"PretrainStep":   errorOf(trainer.PretrainStep(batch)),
		"FinetuneStep":   errorOf(trainer.FinetuneStep(batch)),
		"ComputeGrads":   errorOf(trainer.ComputeGradients(batch)),
		"ReadGradient":   trainer.ReadGradient("x", []float32{1}),
		"WriteGradient":  trainer.WriteGradient("x", []float32{1}),
		"ApplyGradients": trainer.ApplyGradients(),
		"t.Save":         trainer.Save(path, nil, ""),
		"t.Load":         errorOf(trainer.Load(path, nil)),
		"Step":           errorOf(run.Step()),
		"ValidMetrics":   errorOf(run.ValidMetrics()),
		"r.Save":         run.Save(path),
		"r.Load":         run.Load(path),
		"Finish":         errorOf(run.Finish()),
		"Progress":       errorOf(run.Progress()),
		"Ahead":          errorOf(run.Ahead()),
		"SetNote":        run.SetNote("a"),
		"ResumeRun":      errorOf(ResumeRun(nil, data, path, 0)),
		"Popularity":     errorOf(model.Popularity()),
		"SetPopularity":  model.SetPopularity(nil),
		"CountPop":       model.CountPopularity(fine, 2),
		"CountPop of":    other.CountPopularity(data, 2),
		"m.NewFilter":    errorOf(model.NewFilter(FilterOptions{})),
		"NewRecommender": errorOf(NewRecommender(model, nil)),
		"NewRec. with":   errorOf(NewRecommender(other, &RecommenderOptions{Context: c})),
		"OpenRec. with":  errorOf(OpenRecommender(path, &RecommenderOptions{Context: c})),
		"r.Model":        errorOf(recommender.Model()),
		"NewFilter":      errorOf(recommender.NewFilter(FilterOptions{})),
		"r.Recommend":    errorOf(recommender.Recommend(history, 1, nil)),
		"r.Names":        errorOf(recommender.RecommendNames([]string{"a"}, 1, nil)),
		"r.IDs":          errorOf(recommender.RecommendIDs([]int64{1}, 1, nil)),
		"r.Batch":        errorOf(recommender.RecommendBatch([][]int32{history}, 1, nil)),
		"Answer":         errorOf(recommender.Answer(Request{Items: [][]int32{history}})),
		"Similar":        errorOf(recommender.Similar(Request{Items: [][]int32{history}})),
		"Exchange":       recommender.Exchange(path, nil),
		"ExchangeModel":  recommender.ExchangeModel(other, nil),
		"Statistics":     errorOf(recommender.Statistics()),
		"a filter":       errorOf(other.Recommend(history, 1, &RecommendOptions{Filter: filter})),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if vocabulary.Len() != 0 || vocabulary.FirstID() != 0 || vocabulary.Kind() != NamesText ||
		model.Memory() != 0 || trainer.Memory() != 0 || trainer.Steps() != 0 || run.Note() != "" ||
		c.Kernels() != KernelsAuto || c.Backend() != BackendAuto {
		t.Error("a closed handle says more than nothing")
	}
	for _, closer := range []io.Closer{c, data, model, vocabulary, events, batch, sampler, trainer,
		run, recommender, filter} {
		ok(t, closer.Close())
	}
}

// Handles outlive what they were made with.
func TestClosingInAnyOrder(t *testing.T) {
	c := must(NewContext(&ContextOptions{Log: func(LogLevel, string) {}}))
	data := must(NewDataset(c, DatasetArrays{Sequences: sequencesOf(20)}))
	model := must(NewModelFor(c, data, ModelOptions{HiddenSize: 32}))
	c.Close()
	sampler := must(NewSampler(data, StagePretrain, nil))
	run := must(NewRun(model, data, StagePretrain, &RunOptions{Epochs: 1}))
	data.Close()
	trainer := must(NewTrainer(model, nil))
	root := trainer.h.root
	model.Close()
	batch := must(NewBatch(nil))
	defer batch.Close()
	ok(t, sampler.Next(batch))
	must(trainer.PretrainStep(batch))
	must(run.Step())
	for _, closer := range []io.Closer{sampler, run, trainer} {
		if root.users.Load() == 0 {
			t.Error("the log was let go before its last user")
		}
		closer.Close()
	}
	if users := root.users.Load(); users != 0 {
		t.Errorf("%d users of the log are left", users)
	}
}

// Close while many calls run: each ends well or with ErrClosed.
func TestCloseUnderLoad(t *testing.T) {
	for round := 0; round < 20; round++ {
		model := must(NewModel(nil, ModelOptions{ItemSize: 50, HiddenSize: 8}))
		var group sync.WaitGroup
		var served atomic.Int64
		for worker := 0; worker < 8; worker++ {
			group.Add(1)
			go func() {
				defer group.Done()
				for {
					best, err := model.Recommend([]int32{1, 2, 3}, 4, nil)
					if errors.Is(err, ErrClosed) {
						return
					}
					if err != nil || len(best) != 4 {
						t.Errorf("%v, %v", best, err)
						return
					}
					served.Add(1)
				}
			}()
		}
		for served.Load() < 20 {
			runtime.Gosched()
		}
		for closer := 0; closer < 2; closer++ {
			group.Add(1)
			go func() { defer group.Done(); model.Close() }()
		}
		group.Wait()
		if state := model.h.state.Load(); state != destroyedState {
			t.Fatalf("the model is in state %x after the last call", state)
		}
	}
}

// What is forgotten is freed: handles of C, and with the last of them the log function.
func TestForgottenHandlesAreFreed(t *testing.T) {
	root := func() *root {
		c := must(NewContext(&ContextOptions{Log: func(LogLevel, string) {}}))
		model := must(NewModel(c, ModelOptions{ItemSize: 50, HiddenSize: 8}))
		must(model.Recommend([]int32{1, 2, 3}, 4, nil))
		return model.h.root
	}()
	for deadline := time.Now().Add(time.Minute); root.users.Load() != 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d handles are left after many collections", root.users.Load())
		}
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}
