// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"context"
	"fmt"
)

// Pretrain trains a model by the four self-supervised objectives; ctx is looked at between
// steps, options may be nil. The model may be scored meanwhile and gets its new weights at the
// end; after an error or a cancellation, for which errors.Is(err, ctx.Err()) holds, it is as
// before. It gives the progress of the end. Errors: those of NewRun, Run.Step, Run.Load and
// Run.Save, and what callbacks gave back.
func Pretrain(ctx context.Context, model *Model, data *Dataset, options *RunOptions) (Progress,
	error) {
	return train(ctx, model, data, StagePretrain, options)
}

// Finetune trains a model to say the next item, keeps its best epoch by the valid split and,
// by the recipe, trains anew on the valid items too. Otherwise it is as Pretrain.
func Finetune(ctx context.Context, model *Model, data *Dataset, options *RunOptions) (Progress,
	error) {
	return train(ctx, model, data, StageFinetune, options)
}

func train(ctx context.Context, model *Model, data *Dataset, stage Stage, options *RunOptions) (
	Progress, error) {
	if options == nil {
		options = &RunOptions{}
	}
	run, err := NewRun(model, data, stage, options)
	if err != nil {
		return Progress{}, err
	}
	defer run.Close()
	if options.ResumeFrom != "" {
		if err := run.Load(options.ResumeFrom); err != nil {
			return Progress{}, err
		}
	}
	var progress Progress
	for {
		if err := ctx.Err(); err != nil {
			return progress, stopped(run, options, fmt.Errorf("s3rec: training: %w", err))
		}
		next, err := run.Step()
		if err != nil {
			return progress, err
		}
		progress = next
		if progress.Event == RunDone {
			return progress, nil
		}
		if err := report(run, progress, options); err != nil {
			return progress, stopped(run, options, err)
		}
	}
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
