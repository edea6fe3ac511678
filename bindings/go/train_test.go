// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func weightsOf(t testing.TB, model *Model) (weights []float32) {
	t.Helper()
	for _, p := range must(model.Parameters()) {
		weights = append(weights, must(model.ReadParameter(p.Name))...)
	}
	return weights
}

func TestPretrainAndFinetune(t *testing.T) {
	data := fixtureDataset(t)
	model := must(NewModelFor(nil, data, ModelOptions{HiddenSize: 16, MaxSeqLength: 12}))
	defer model.Close()
	before := must(model.Evaluate(data, nil))
	epochs, steps := 0, 0
	count := func(counter *int) func(Progress) error {
		return func(p Progress) error { *counter++; return nil }
	}
	pretrained, progress, err := Pretrain(context.Background(), model, data, &RunOptions{Epochs: 2,
		OnStep: count(&steps), OnEpoch: count(&epochs)})
	ok(t, err)
	defer pretrained.Close()
	if progress.Event != RunDone || epochs != 2 || steps != 2*progress.Steps ||
		progress.MIP == 0 {
		t.Errorf("%d epochs, %d steps, %+v", epochs, steps, progress)
	}
	epochs, refits := 0, 0
	tuned, progress, err := Finetune(context.Background(), pretrained, data, &RunOptions{Epochs: 12,
		OnEpoch: func(p Progress) error {
			if p.Refit {
				refits++
			} else if epochs++; p.ValidValue <= 0 {
				t.Errorf("epoch %d is not measured", p.Epoch)
			}
			return nil
		}})
	ok(t, err)
	defer tuned.Close()
	if epochs < progress.BestEpoch || refits != progress.BestEpoch || progress.BestValue <= 0 {
		t.Errorf("%d epochs, %d of the refit, %+v", epochs, refits, progress)
	}
	if after := must(tuned.Evaluate(data, nil)); after.NDCG[1] <= before.NDCG[1] {
		t.Errorf("NDCG@10 %v before, %v after training", before.NDCG[1], after.NDCG[1])
	}
	if still := must(model.Evaluate(data, nil)); still != before {
		t.Error("training changed the model that it began with")
	}
}

// A cancelled training gives no model, and its state gives the bits of one that was not cancelled.
func TestCancellationAndResuming(t *testing.T) {
	data := fixtureDataset(t)
	train := func(ctx context.Context, options RunOptions) ([]float32, error) {
		model := must(NewModelFor(nil, data, ModelOptions{HiddenSize: 16, MaxSeqLength: 12}))
		defer model.Close()
		options.Epochs, options.Sampler = 3, &SamplerOptions{BatchSize: 16}
		before := weightsOf(t, model)
		tuned, _, err := Finetune(ctx, model, data, &options)
		if !reflect.DeepEqual(before, weightsOf(t, model)) {
			t.Error("training changed the model that it began with")
		}
		if err != nil {
			if tuned != nil {
				t.Error("a model beside an error")
			}
			return nil, err
		}
		defer tuned.Close()
		return weightsOf(t, tuned), nil
	}
	whole, err := train(context.Background(), RunOptions{})
	ok(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	state := filepath.Join(t.TempDir(), "state")
	steps := 0
	_, err = train(ctx, RunOptions{SaveTo: state, OnStep: func(Progress) error {
		if steps++; steps == 6 {
			cancel()
		}
		return nil
	}})
	wants(t, err, context.Canceled)
	if steps != 6 {
		t.Errorf("cancelled after step 6, ended after %d", steps)
	}
	resumed, err := train(context.Background(), RunOptions{ResumeFrom: state})
	ok(t, err)
	if !reflect.DeepEqual(resumed, whole) {
		t.Error("a resumed training gives other weights")
	}
	if _, err = train(ctx, RunOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v with a context that was cancelled before", err)
	}
	_, err = train(ctx, RunOptions{SaveTo: "/absent/folder/state"})
	wants(t, err, context.Canceled)
	_, err = train(context.Background(), RunOptions{ResumeFrom: "absent"})
	wants(t, err, ErrIO)
	_, err = train(context.Background(), RunOptions{ResumeFrom: state, Seed: Ptr(uint64(1))})
	wants(t, err, ErrMismatch)
}

func TestCallbacksEndATraining(t *testing.T) {
	data, model := fixtureDataset(t), fixtureModel(t)
	enough := errors.New("enough")
	stop := func(Progress) error { return fmt.Errorf("%w of that", enough) }
	state := filepath.Join(t.TempDir(), "state")
	_, _, err := Pretrain(context.Background(), model, data, &RunOptions{OnStep: stop})
	wants(t, err, enough)
	_, _, err = Pretrain(context.Background(), model, data, &RunOptions{OnEpoch: stop, SaveTo: state})
	wants(t, err, enough)
	ok(t, os.Remove(state))
	saved := 0
	trained, _, err := Pretrain(context.Background(), model, data, &RunOptions{Epochs: 5,
		SaveTo: state, SaveEvery: 2, OnStep: func(p Progress) error {
			if os.Remove(state) == nil {
				saved++
			}
			return nil
		}})
	ok(t, err)
	defer trained.Close()
	if saved != 2 {
		t.Errorf("saved %d times in 5 epochs", saved)
	}
	_, _, err = Pretrain(context.Background(), model, data, &RunOptions{Epochs: 1, SaveEvery: 1,
		SaveTo: "/absent/folder/state"})
	wants(t, err, ErrIO)
}

func TestRunOptions(t *testing.T) {
	data, model := fixtureDataset(t), fixtureModel(t)
	for name, bad := range map[string]RunOptions{
		"refit":    {Refit: 9},
		"below":    {Refit: -1},
		"epochs":   {Epochs: 1 << 40},
		"negative": {Epochs: -1},
		"patience": {Patience: 1 << 40},
		"recipe":   {Recipe: 9},
		"protocol": {Protocol: 9},
		"sampler":  {Sampler: &SamplerOptions{BatchSize: 1 << 40}},
		"batch":    {Sampler: &SamplerOptions{BatchSize: -1}},
		"trainer":  {Trainer: &TrainerOptions{ShardCount: 1 << 40}},
		"dropout":  {HiddenDropout: Ptr(1.0)},
		"metric":   {Metric: 99},
		"seen":     {Seen: 9},
		"schedule": {Schedule: 9},
		"warmup":   {WarmupEpochs: Ptr(1e9), Schedule: ScheduleCosine},
		"time":     {TimeBudget: -1},
		"rate":     {Trainer: &TrainerOptions{LearningRate: -1}},
	} {
		bad := bad
		t.Run(name, func(t *testing.T) {
			wants(t, errorOf(NewRun(model, data, StageFinetune, &bad)), ErrArgument)
		})
	}
	wants(t, errorOf(NewRun(model, data, 7, nil)), ErrArgument)
	small := must(NewModel(nil, ModelOptions{ItemSize: 5}))
	defer small.Close()
	wants(t, errorOf(NewRun(small, data, StageFinetune, nil)), ErrMismatch)
	for _, refit := range []Refit{RefitNone, RefitValid, RefitAll} {
		run := must(NewRun(model, data, StageFinetune, &RunOptions{Refit: refit, Epochs: 1,
			Trainer: &TrainerOptions{Loss: LossBCE}}))
		wants(t, errorOf(run.ValidMetrics()), ErrNotFound)
		refits := false
		for {
			p := must(run.Step())
			refits = refits || p.Refit
			if p.Event == RunDone {
				break
			}
		}
		if refits != (refit != RefitNone) {
			t.Errorf("refit %d: %v", refit, refits)
		}
		if metrics := must(run.ValidMetrics()); metrics.Split != SplitValid {
			t.Errorf("%+v", metrics)
		}
		if again := must(run.Step()); again.Event != RunDone {
			t.Errorf("%+v after the end", again)
		}
		run.Close()
	}
}

// A loop of one's own: its state is resumed with the options in it, and its result may be taken
// at any time.
func TestRunsAndTheirStates(t *testing.T) {
	data, model := fixtureDataset(t), fixtureModel(t)
	options := &RunOptions{Epochs: 3, Refit: RefitNone, Sampler: &SamplerOptions{BatchSize: 16},
		Metric: MetricMRR, Seen: SeenInclude, Schedule: ScheduleCosine, WarmupEpochs: Ptr(0.5),
		HiddenDropout: Ptr(0.1)}
	run := must(NewRun(model, data, StageFinetune, options))
	defer run.Close()
	steps, sequences, err := run.Ahead()
	ok(t, err)
	if steps != 12 || sequences != 180 {
		t.Errorf("%d steps, %d sequences ahead", steps, sequences)
	}
	wants(t, errorOf(run.Finish()), ErrState)
	for i := 0; i < 6; i++ {
		must(run.Step())
	}
	ok(t, run.SetNote("half way"))
	wants(t, run.SetNote("\xff"), ErrArgument)
	half := must(run.Progress())
	if half.Epoch != 2 || half.Step != 2 || half.Event != RunStep || half.SelectionEpochs != 1 ||
		half.Last || half.Tokens == 0 || half.BestValue != must(run.ValidMetrics()).MRR {
		t.Errorf("%+v", half)
	}
	state := filepath.Join(t.TempDir(), "state")
	ok(t, run.Save(state))
	early := must(run.Finish())
	defer early.Close()

	other := must(ResumeRun(nil, data, state, 0))
	defer other.Close()
	if at := must(other.Progress()); at != half || other.Note() != "half way" {
		t.Errorf("%+v, note %q instead of %+v", at, other.Note(), half)
	}
	if !reflect.DeepEqual(weightsOf(t, must(other.Finish())), weightsOf(t, early)) {
		t.Error("the best epoch of a run that was resumed has other weights")
	}
	var weights [2][]float32
	for i, r := range []*Run{run, other} {
		last := false
		for p := must(r.Step()); p.Event != RunDone; p = must(r.Step()) {
			last = p.Last
		}
		finished := must(r.Finish())
		defer finished.Close()
		weights[i] = weightsOf(t, finished)
		dropout := []float64{must(model.Config()).HiddenDropout, 0.1}[i] // no model was given: the run's
		if got := must(finished.Config()).HiddenDropout; !last || got != dropout {
			t.Errorf("last %v, dropout %v instead of %v", last, got, dropout)
		}
	}
	if !reflect.DeepEqual(weights[0], weights[1]) {
		t.Error("a run that was resumed gives other weights")
	}
	wants(t, errorOf(ResumeRun(model, data, "absent", 0)), ErrIO)
	wants(t, errorOf(ResumeRun(model, data, modelFile(t, model), 0)), ErrFormat)
	wants(t, errorOf(ResumeRun(model, data, state, 1<<40)), ErrArgument)
	wants(t, errorOf(ResumeRun(nil, data, state, 9)), ErrArgument) // the cosine ends at 3
}

func TestChangedWeightsStopARefit(t *testing.T) {
	data, model := fixtureDataset(t), fixtureModel(t)
	run := must(NewRun(model, data, StageFinetune, &RunOptions{Epochs: 1, Refit: RefitAll}))
	defer run.Close()
	vectors := must(model.ItemVectors())
	vectors.Values[20]++
	ok(t, model.WriteParameter("item_embeddings.weight", vectors.Values))
	err := errorOf(run.Step())
	for i := 0; i < 100 && err == nil; i++ {
		err = errorOf(run.Step())
	}
	wants(t, err, ErrState)
}

// Both stages in one call, which gives what the workshop gives.
func TestTrain(t *testing.T) {
	log, items := "user,item,timestamp\n", "item,kind\n"
	for user, sequence := range sequencesOf(60) {
		for i, item := range sequence {
			log += fmt.Sprintf("u%d,film %d,%d\n", user, item, i)
		}
	}
	for item := 1; item <= fixtureItems; item++ {
		items += fmt.Sprintf("film %d,%d\n", item, item%5)
	}
	options := TrainOptions{Events: writeFile(t, "log.csv", log),
		ItemTable: writeFile(t, "items.csv", items), PretrainEpochs: Ptr(1), FinetuneEpochs: Ptr(2)}
	steps := 0
	options.OnStep = func(p Progress) error {
		steps++
		return nil
	}
	model, metrics, err := Train(context.Background(), options)
	ok(t, err)
	defer model.Close()
	if steps == 0 || metrics.Split != SplitTest || metrics.Users != 60 {
		t.Errorf("%d steps, %+v", steps, metrics)
	}
	if best := must(model.RecommendNames([]string{"film 3", "film 4"}, 3, nil)); len(best) != 3 {
		t.Errorf("%+v", best)
	}
	must(model.Popularity())

	events := must(NewEvents(nil))
	defer events.Close()
	must(events.Read(options.Events, nil))
	must(events.ReadAttributes(options.ItemTable, nil))
	data, _, err := events.Dataset(nil)
	ok(t, err)
	defer data.Close()
	fresh := must(NewModelFor(nil, data, ModelOptions{}))
	defer fresh.Close()
	pretrained, _, err := Pretrain(context.Background(), fresh, data, &RunOptions{Epochs: 1})
	ok(t, err)
	defer pretrained.Close()
	tuned, _, err := Finetune(context.Background(), pretrained, data, &RunOptions{Epochs: 2})
	ok(t, err)
	defer tuned.Close()
	if !reflect.DeepEqual(weightsOf(t, model), weightsOf(t, tuned)) {
		t.Error("Train gives other weights than Pretrain and Finetune")
	}
}

func TestTrainEndsEarly(t *testing.T) {
	data := fixtureDataset(t)
	train := func(ctx context.Context, options TrainOptions) (*Model, error) {
		options.PretrainEpochs, options.FinetuneEpochs = Ptr(0), Ptr(2)
		model, _, err := Train(ctx, options)
		if (model == nil) == (err == nil) {
			t.Errorf("model %v beside error %v", model, err)
		}
		return model, err
	}
	model := must(train(context.Background(), TrainOptions{Data: data, OnStep: func(p Progress) error {
		if p.Event == RunEpoch {
			return ErrEnough
		}
		return nil
	}}))
	ok(t, model.Close())
	bad := errors.New("bad")
	_, err := train(context.Background(), TrainOptions{Data: data,
		OnStep: func(Progress) error { return bad }})
	wants(t, err, bad)
	ctx, cancel := context.WithCancel(context.Background())
	steps := 0
	_, err = train(ctx, TrainOptions{Data: data, OnStep: func(Progress) error {
		steps++
		cancel()
		return nil
	}})
	wants(t, err, context.Canceled)
	if steps != 1 {
		t.Errorf("cancelled after step 1, ended after %d", steps)
	}
	wants(t, errorOf(train(ctx, TrainOptions{Data: data})), context.Canceled)
	func() {
		defer func() {
			if cause := recover(); cause != "oh dear" {
				t.Errorf("panic %v", cause)
			}
		}()
		_, _ = train(context.Background(), TrainOptions{Data: data,
			OnStep: func(Progress) error { panic("oh dear") }})
	}()
	for name, options := range map[string]TrainOptions{"no source": {}, "two sources": {Data: data,
		Events: "a"}, "NUL": {Events: "a\x00"}, "recipe": {Data: data, Recipe: 9},
		"time": {Data: data, TimeBudget: -1}} {
		if _, err := train(context.Background(), options); !errors.Is(err, ErrArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wants(t, errorOf(train(context.Background(), TrainOptions{Events: "absent"})), ErrIO)
	closed := must(NewDataset(nil, DatasetArrays{Sequences: sequencesOf(9)}))
	ok(t, closed.Close())
	wants(t, errorOf(train(context.Background(), TrainOptions{Data: closed})), ErrClosed)
}

// The parts of which a training of one's own is made.
func TestTrainerSamplerBatch(t *testing.T) {
	data, model := fixtureDataset(t), fixtureModel(t)
	must(model.Recommend([]int32{1}, 1, nil))
	options := must(RecipePaper.Sampler(StageFinetune))
	options.BatchSize = 16
	sampler := must(NewSampler(data, StageFinetune, &options))
	defer sampler.Close()
	instances, steps, err := sampler.EpochSize()
	ok(t, err)
	if instances != 60 || steps != 4 {
		t.Errorf("%d instances, %d steps", instances, steps)
	}
	training := must(RecipePaper.Trainer(StageFinetune, steps))
	if training.Loss != LossBCE {
		t.Errorf("%+v", training)
	}
	trainer := must(NewTrainer(model, &training))
	defer trainer.Close()
	wants(t, errorOf(NewTrainer(model, nil)), ErrState)
	batch := must(NewBatch(nil))
	defer batch.Close()
	ok(t, sampler.Next(batch))
	info := must(batch.Info())
	if info.Stage != StageFinetune || info.BatchSize != 16 || info.Tokens == 0 {
		t.Errorf("%+v", info)
	}
	wants(t, errorOf(trainer.FinetuneStep(batch)), ErrMismatch) // its rows are longer
	inputs := must(batch.Read("input_ids"))
	if len(inputs) != info.BatchSize*info.MaxSeqLength {
		t.Errorf("%d ids", len(inputs))
	}
	wants(t, errorOf(batch.Read("pos_items")), ErrNotFound)

	ok(t, batch.SetFinetune(1, 4, []int32{0, 1, 2, 3}, []int32{0, 2, 3, 4}, []int32{0, 9, 9, 9}))
	losses := must(trainer.FinetuneStep(batch))
	if losses.Total <= 0 || losses.Targets != 3 || trainer.Steps() != 1 || trainer.Memory() == 0 {
		t.Errorf("%+v", losses)
	}
	must(trainer.ComputeGradients(batch))
	name := "item_embeddings.weight"
	gradient := make([]float32, (fixtureItems+2)*16)
	ok(t, trainer.ReadGradient(name, gradient))
	ok(t, trainer.WriteGradient(name, gradient))
	ok(t, trainer.ApplyGradients())
	wants(t, trainer.ApplyGradients(), ErrState)
	wants(t, trainer.ReadGradient(name, gradient), ErrState)
	wants(t, trainer.WriteGradient(name, gradient[1:]), ErrState)

	path := filepath.Join(t.TempDir(), "state")
	ok(t, trainer.Save(path, sampler, "half way"))
	ok(t, sampler.Seek(5, 1))
	if note := must(trainer.Load(path, sampler)); note != "half way" {
		t.Errorf("note %q", note)
	}
	if epoch, step, err := sampler.Position(); epoch != 0 || step != 1 || err != nil {
		t.Errorf("epoch %d, step %d, %v", epoch, step, err)
	}
	wants(t, sampler.Seek(0, -1), ErrArgument)
	wants(t, trainer.Save(path, nil, "\xff"), ErrArgument)

	ok(t, trainer.Close())
	must(model.Recommend([]int32{1}, 1, nil))
	wants(t, errorOf(Recipe(9).Plan(StageFinetune)), ErrArgument)
	wants(t, errorOf(RecipeBest.Sampler(9)), ErrArgument)
	wants(t, errorOf(RecipeBest.Trainer(StagePretrain, -1)), ErrArgument)
	if plan := must(RecipeBest.Plan(StageFinetune)); plan.Epochs == 0 || !plan.Refit {
		t.Errorf("%+v", plan)
	}
}

func TestPretrainArrays(t *testing.T) {
	batch := must(NewBatch(nil))
	defer batch.Close()
	items := []int32{0, 1, 2}
	arrays := PretrainArrays{1, 3, 2, 9, []uint8{0, 0, 1, 0, 0, 1}, []int32{0, 9, 2}, items,
		[]int32{0, 5, 2}, []int32{0, 1, 9}, []int32{0, 9, 2}, []int32{0, 9, 4}}
	ok(t, batch.SetPretrain(arrays))
	if info := must(batch.Info()); info.Stage != StagePretrain || info.Tokens != 2 {
		t.Errorf("%+v", info)
	}
	if got := must(batch.Read("neg_items")); !reflect.DeepEqual(got, arrays.NegItems) {
		t.Errorf("%v", got)
	}
	for _, change := range []func(*PretrainArrays){
		func(a *PretrainArrays) { a.BatchSize = 2 },
		func(a *PretrainArrays) { a.MaxSeqLength = 1 << 40 },
		func(a *PretrainArrays) { a.BatchSize, a.MaxSeqLength = 1<<31, 1<<31 },
		func(a *PretrainArrays) { a.AttributeSize = 1 },
		func(a *PretrainArrays) { a.NegSegment = nil },
		func(a *PretrainArrays) { a.Attributes = a.Attributes[1:] },
	} {
		changed := arrays
		change(&changed)
		wants(t, batch.SetPretrain(changed), ErrArgument)
	}
	arrays.PosItems = []int32{0, 1, 99}
	wants(t, batch.SetPretrain(arrays), ErrFormat)
	wants(t, batch.SetFinetune(1, 2, items, items, nil), ErrArgument)
	wants(t, batch.SetFinetune(-1, 3, items, items, nil), ErrArgument)
	wants(t, batch.SetFinetune(1, 3, items, items, items[1:]), ErrArgument)
	wants(t, batch.SetFinetune(1, 3, []int32{1, 0, 2}, items, nil), ErrFormat)
}
