// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime/cgo"
	"time"
)

// Recipe is settings of a whole training that work well together.
type Recipe int32

// The recipes.
const (
	RecipeBest  Recipe = C.S3REC_RECIPE_BEST  // the most accurate one known
	RecipePaper Recipe = C.S3REC_RECIPE_PAPER // the authors'
)

// RecipePlan is what a training loop of one's own needs to know of a recipe.
type RecipePlan struct {
	Epochs           int  // at most so many
	Patience         int  // fine-tuning: epochs without improvement after which to stop
	Refit            bool // fine-tuning: train once more, on the valid items too
	HiddenDropout    float64
	AttentionDropout float64
}

// Plan gives the plan of a stage. Error: ErrArgument.
func (r Recipe) Plan(stage Stage) (RecipePlan, error) {
	var plan C.s3rec_recipe_plan
	C.s3rec_recipe_plan_init(&plan)
	err := failure(func() status {
		return C.s3rec_recipe_plan_get(C.s3rec_recipe(r), C.s3rec_stage(stage), &plan)
	})
	if err != nil {
		return RecipePlan{}, err
	}
	return RecipePlan{int(plan.epochs), int(plan.patience), plan.refit != 0,
		float64(plan.hidden_dropout_prob), float64(plan.attention_probs_dropout_prob)}, nil
}

// Sampler gives the sampler's options of a stage. Error: ErrArgument.
func (r Recipe) Sampler(stage Stage) (SamplerOptions, error) {
	var options C.s3rec_sampler_options
	C.s3rec_sampler_options_init(&options, C.s3rec_stage(stage))
	err := failure(func() status { return C.s3rec_recipe_sampler(C.s3rec_recipe(r), &options) })
	if err != nil {
		return SamplerOptions{}, err
	}
	return samplerOptionsOf(&options), nil
}

// Trainer gives the trainer's options of a stage, with a learning rate that spans the plan's
// epochs of so many steps. Error: ErrArgument.
func (r Recipe) Trainer(stage Stage, stepsPerEpoch int) (TrainerOptions, error) {
	var options C.s3rec_trainer_options
	C.s3rec_trainer_options_init(&options)
	err := failure(func() status {
		return C.s3rec_recipe_trainer(C.s3rec_recipe(r), C.s3rec_stage(stage),
			C.size_t(stepsPerEpoch), &options)
	})
	if err != nil {
		return TrainerOptions{}, err
	}
	return trainerOptionsOf(&options), nil
}

// Refit says on what a fine-tuning trains anew once the best epoch is known.
type Refit int

// The refits.
const (
	RefitDefault Refit = iota // the recipe's
	RefitNone                 // not at all: the best epoch's weights are kept
	RefitValid                // on the valid items too
	RefitAll                  // on all items, for use rather than for measuring
)

func (r Refit) heldOutCount() (C.int32_t, error) {
	switch r {
	case RefitDefault:
		return -1, nil
	case RefitNone:
		return 2, nil
	case RefitValid:
		return 1, nil
	case RefitAll:
		return 0, nil
	}
	return 0, argumentError("Refit is %d, must be %d..%d", int(r), int(RefitDefault), int(RefitAll))
}

// Schedule is the course of the learning rate after its warm-up.
type Schedule int32

// The schedules.
const (
	ScheduleConstant Schedule = C.S3REC_SCHEDULE_CONSTANT // stays where it is
	ScheduleCosine   Schedule = C.S3REC_SCHEDULE_COSINE   // falls to 0 at the end of Epochs
)

// RunOptions are about a whole stage of training; zero values are the recipe's.
type RunOptions struct {
	Recipe   Recipe          // default RecipeBest
	Seed     *uint64         // of draws and dropout; default 42
	Epochs   int             // at most so many
	Patience int             // fine-tuning: epochs without improvement after which to stop
	Refit    Refit           // fine-tuning
	Protocol Protocol        // fine-tuning: how the valid split is ranked; default ProtocolFull
	Metric   Metric          // fine-tuning: what the best epoch is chosen by; default NDCG@20, MRR
	Seen     SeenPolicy      // fine-tuning: items of the history in the valid ranking
	Sampler  *SamplerOptions // instead of the recipe's; seed and held-out count aside
	Trainer  *TrainerOptions // instead of the recipe's, seed aside; Schedule and WarmupEpochs set
	// the course of the learning rate unless it has WarmupSteps or DecaySteps

	Schedule Schedule
	// WarmupEpochs are epochs in which the learning rate rises, fractions allowed.
	WarmupEpochs *float64
	// TimeBudget ends the choice of the best epoch in time for the refit; 0: no limit. Results
	// then depend on the speed of the machine.
	TimeBudget time.Duration

	// Dropouts of the run, 0..0.99; default: the recipe's.
	HiddenDropout, AttentionDropout *float64

	// What follows is for Pretrain and Finetune.

	OnStep  func(Progress) error // called after each step; an error ends the training
	OnEpoch func(Progress) error // called after each epoch, likewise
	// ResumeFrom is a state to go on from, of a run over the same model, data and options.
	ResumeFrom string
	// SaveTo is where a state is written when the training is cancelled or a callback ends it,
	// and after every SaveEvery epochs unless that is 0.
	SaveTo    string
	SaveEvery int
}

// fill is the C form of options; sampler and trainer are nil where they are the recipe's.
func (o *RunOptions) fill(stage Stage) (options C.s3rec_run_options,
	sampler *C.s3rec_sampler_options, trainer *C.s3rec_trainer_options, err error) {
	C.s3rec_run_options_init(&options, C.s3rec_stage(stage))
	if o.Recipe != 0 {
		options.recipe = C.s3rec_recipe(o.Recipe)
	}
	options.seed = seedOf(o.Seed)
	if options.held_out_count, err = o.Refit.heldOutCount(); err != nil {
		return options, nil, nil, err
	}
	options.epochs = narrow(&err, "Epochs", o.Epochs)
	options.patience = narrow(&err, "Patience", o.Patience)
	if o.Protocol != 0 {
		options.protocol = C.s3rec_protocol(o.Protocol)
	}
	options.metric = C.s3rec_metric(o.Metric)
	if o.Seen != 0 {
		options.seen = C.s3rec_seen_policy(o.Seen)
	}
	setDouble(&options.hidden_dropout_prob, o.HiddenDropout)
	setDouble(&options.attention_probs_dropout_prob, o.AttentionDropout)
	options.schedule = C.s3rec_schedule(o.Schedule)
	setDouble(&options.warmup_epochs, o.WarmupEpochs)
	options.time_budget = C.double(o.TimeBudget.Seconds())
	if o.Sampler != nil && err == nil {
		var filled C.s3rec_sampler_options
		filled, err = o.Sampler.fill(stage)
		sampler = &filled
	}
	if o.Trainer != nil && err == nil {
		var filled C.s3rec_trainer_options
		filled, err = o.Trainer.fill()
		trainer = &filled
		if filled.warmup_steps != 0 || filled.decay_steps != 0 {
			options.own_schedule = 1
		}
	}
	return options, sampler, trainer, err
}

// Pretrain trains by the four self-supervised objectives, from the weights of a model that is
// only read and may serve meanwhile. It gives a new model, which is to be closed, and the progress
// of the end. ctx is looked at between steps; options may be nil. After an error or a
// cancellation, for which errors.Is(err, ctx.Err()) holds, there is no model. Errors: those of
// NewRun, Run.Step, Run.Load, Run.Save and Run.Finish, and what callbacks gave back.
func Pretrain(ctx context.Context, model *Model, data *Dataset, options *RunOptions) (*Model,
	Progress, error) {
	return train(ctx, model, data, StagePretrain, options)
}

// Finetune trains to say the next item, keeps the best epoch by the valid split and, by the
// recipe, trains anew on the valid items too. Otherwise it is as Pretrain.
func Finetune(ctx context.Context, model *Model, data *Dataset, options *RunOptions) (*Model,
	Progress, error) {
	return train(ctx, model, data, StageFinetune, options)
}

func train(ctx context.Context, model *Model, data *Dataset, stage Stage, options *RunOptions) (
	trained *Model, progress Progress, err error) {
	if options == nil {
		options = &RunOptions{}
	}
	run, err := NewRun(model, data, stage, options)
	if err != nil {
		return nil, progress, err
	}
	defer run.Close()
	if options.ResumeFrom != "" {
		if err := run.Load(options.ResumeFrom); err != nil {
			return nil, progress, err
		}
	}
	for {
		if err := cancelled(ctx); err != nil {
			return nil, progress, stopped(run, options, err)
		}
		next, err := run.Step()
		if err != nil {
			return nil, progress, err
		}
		progress = next
		if progress.Event == RunDone {
			trained, err = run.Finish()
			return trained, progress, err
		}
		if err := report(run, progress, options); err != nil {
			return nil, progress, stopped(run, options, err)
		}
	}
}

func cancelled(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("s3rec: training: %w", err)
	}
	return nil
}

// report tells the callbacks and writes the state when it is time to.
func report(run *Run, progress Progress, options *RunOptions) error {
	if options.OnStep != nil {
		if err := options.OnStep(progress); err != nil {
			return err
		}
	}
	if progress.Event != RunEpoch {
		return nil
	}
	if options.OnEpoch != nil {
		if err := options.OnEpoch(progress); err != nil {
			return err
		}
	}
	if options.SaveTo != "" && options.SaveEvery > 0 && progress.Epoch%options.SaveEvery == 0 {
		return run.Save(options.SaveTo)
	}
	return nil
}

// stopped writes the state of a training that ends early, whatever for.
func stopped(run *Run, options *RunOptions, cause error) error {
	if options.SaveTo == "" {
		return cause
	}
	if err := run.Save(options.SaveTo); err != nil {
		return fmt.Errorf("%w (and its state was not saved: %v)", cause, err)
	}
	return cause
}

// TrainOptions are what Train learns from, and how; zero values are the defaults. One source is
// to be given: Data, Events or Sequences.
type TrainOptions struct {
	Context        *Context // nil: one with the defaults
	Data           *Dataset
	Events         string  // path of a table of events; its columns are found by their usual names
	ItemTable      string  // beside Events: path of a table of items' attributes
	Sequences      string  // path of a file as DatasetFiles has it
	Attributes     string  // beside Sequences
	Start          string  // path of a model to start from, instead of pretraining
	Recipe         Recipe  // default RecipeBest
	Seed           *uint64 // of weights, draws and dropout; default 42
	PretrainEpochs *int    // default: the recipe's where items have attributes, else none
	FinetuneEpochs *int    // at most; default: the recipe's
	// TimeBudget is for both stages; 0: as long as it takes. One epoch of each is always done. With
	// a budget the result depends on the speed of the machine.
	TimeBudget time.Duration
	// OnStep is called after each step. ErrEnough ends the training with the best weights so far,
	// another error ends it without a model.
	OnStep func(Progress) error
}

// ErrEnough is what TrainOptions.OnStep gives back to end a training early, and well.
var ErrEnough = errors.New("enough of training")

// training is what the callback of Train gets.
type training struct {
	ctx    context.Context
	onStep func(Progress) error
	err    error
	panic  any
}

// Train does both stages in one call: it reads the data, makes a model of the default network,
// pretrains, fine-tunes, chooses the best epoch on the valid split, trains on the valid items too
// and measures on the test split. The model, which is to be closed, knows the names of its items,
// if the data have any, and their popularity. ctx is looked at between steps. Errors: those of
// Events.Read, LoadDataset, LoadModel and Run.Step; ErrArgument (also no source or several);
// ErrMismatch (the data do not fit the model of Start); that of ctx or OnStep.
func Train(ctx context.Context, options TrainOptions) (model *Model, metrics Metrics, err error) {
	filled, free, err := options.fill()
	defer free()
	if err == nil {
		err = cancelled(ctx)
	}
	if err != nil {
		return nil, metrics, err
	}
	state := &training{ctx: ctx, onStep: options.OnStep}
	number := cgo.NewHandle(state)
	defer number.Delete()
	var read C.s3rec_metrics
	C.s3rec_metrics_init(&read)
	err = options.Data.useOptional(func(dataset *C.s3rec_dataset) error {
		return withContext(options.Context, func(c *C.s3rec_context, root *root) error {
			filled.context, filled.dataset = c, dataset
			model, err = madeModel(root, func(made **C.s3rec_model) status {
				return C.s3go_train(&filled, C.uintptr_t(number), made, &read)
			})
			return err
		})
	})
	if state.panic != nil {
		panic(state.panic)
	}
	if err == nil && state.err != nil && !errors.Is(state.err, ErrEnough) {
		err = state.err
		model.Close()
	}
	if err != nil {
		return nil, metrics, err
	}
	return model, metricsOf(&read), nil
}

// fill is the C form of options, context and data aside; call free then.
func (o *TrainOptions) fill() (options C.s3rec_train_options, free func(), err error) {
	C.s3rec_train_options_init(&options)
	var paths []*C.char
	for _, path := range []struct {
		name, value string
		field       **C.char
	}{{"Events", o.Events, &options.events_path}, {"ItemTable", o.ItemTable, &options.item_table_path},
		{"Sequences", o.Sequences, &options.sequences_path},
		{"Attributes", o.Attributes, &options.attributes_path}, {"Start", o.Start, &options.start_path}} {
		*path.field = text(&err, path.name, path.value, true)
		paths = append(paths, *path.field)
	}
	if o.Recipe != 0 {
		options.recipe = C.s3rec_recipe(o.Recipe)
	}
	options.seed = seedOf(o.Seed)
	if o.PretrainEpochs != nil {
		options.pretrain_epochs = narrow(&err, "PretrainEpochs", *o.PretrainEpochs)
	}
	if o.FinetuneEpochs != nil {
		options.finetune_epochs = narrow(&err, "FinetuneEpochs", *o.FinetuneEpochs)
	}
	options.time_budget = C.double(o.TimeBudget.Seconds())
	return options, func() {
		for _, path := range paths {
			freeText(path)
		}
	}, err
}

// s3goTrained tells Train's caller about a step; not 0 ends the training. A panic may not unwind
// the library's frames: Train raises it again.
//
//export s3goTrained
func s3goTrained(progress *C.s3rec_run_progress, number C.uintptr_t) (end C.int32_t) {
	state := cgo.Handle(number).Value().(*training)
	defer func() {
		if state.panic = recover(); state.panic != nil || state.err != nil {
			end = 1
		}
	}()
	if state.err = cancelled(state.ctx); state.err == nil && state.onStep != nil {
		state.err = state.onStep(progressOf(progress))
	}
	return 0
}
