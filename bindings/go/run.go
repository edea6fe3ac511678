// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge_run.h"
import "C"

import "unsafe"

// Refit says on what a fine-tuning trains anew once the best epoch is known.
type Refit int

// The refits.
const (
	RefitDefault Refit = iota // the recipe's
	RefitNone                 // not at all: the best epoch's weights are kept
	RefitValid                // on the valid items too
	RefitAll                  // on all items, for use rather than for measuring
)

// RunOptions are about a whole stage of training; zero values are the recipe's.
type RunOptions struct {
	Recipe   Recipe          // default RecipeBest
	Seed     *uint64         // of draws and dropout; default 42
	Epochs   int             // at most so many
	Patience int             // fine-tuning: epochs without improvement after which to stop
	Refit    Refit           // fine-tuning
	Protocol Protocol        // of the choice: ProtocolFull (default) NDCG@20, ProtocolSampled MRR
	Sampler  *SamplerOptions // instead of the recipe's; seed and held-out count aside
	Trainer  *TrainerOptions // instead of the recipe's, which sets the course of the learning rate
	// unless WarmupSteps or DecaySteps do; seed aside

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

// RunEvent is what a step of a run did.
type RunEvent int32

// The events.
const (
	RunStep  RunEvent = C.S3REC_RUN_STEP  // a step within an epoch
	RunEpoch RunEvent = C.S3REC_RUN_EPOCH // the last step of an epoch; measured, in fine-tuning
	RunDone  RunEvent = C.S3REC_RUN_DONE  // nothing: the model has the weights
)

// Progress is where a run is.
type Progress struct {
	Event              RunEvent
	Refit              bool    // in the refit, whose epochs count from 1 again
	Epoch, Epochs      int     // this one from 1, at most so many
	Step, Steps        int     // within the epoch from 1, so many
	Loss               float64 // mean of the epoch so far, a sequence or a target
	AAP, MIP, MAP, SP  float64 // pretraining: means a sequence, unweighted
	Sequences, Targets int     // of the epoch so far
	ValidValue         float64 // fine-tuning, RunEpoch: what the best epoch is chosen by
	BestValue          float64 // the best so far
	BestEpoch          int     // 0 before the first
}

// Run is one stage of training from beginning to end, a step a call. It trains a copy: the
// model may be scored, saved and closed meanwhile, and gets its new weights in one moment,
// at the end. Calls from several goroutines wait for each other.
type Run struct {
	h       *handle
	model   *Model // whom the result is for
	trained *Model // the one that the library trains, of the same weights at the beginning
	stored  bool   // model has the result; changes within calls of the handle
}

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

// NewRun begins a stage; options may be nil. Errors: ErrArgument (also data that nothing can
// be trained on or measured by), ErrMemory; ErrMismatch (the data has items or attributes
// that the model does not have).
func NewRun(model *Model, data *Dataset, stage Stage, options *RunOptions) (run *Run, err error) {
	if options == nil {
		options = &RunOptions{}
	}
	heldOut, err := options.Refit.heldOutCount()
	if err != nil {
		return nil, err
	}
	epochs := narrow(&err, "Epochs", options.Epochs)
	patience := narrow(&err, "Patience", options.Patience)
	if err != nil {
		return nil, err
	}
	var sampler *C.s3rec_sampler_options
	if options.Sampler != nil {
		filled, err := options.Sampler.fill(stage)
		if err != nil {
			return nil, err
		}
		sampler = &filled
	}
	var trainer *C.s3rec_trainer_options
	if options.Trainer != nil {
		filled, err := options.Trainer.fill()
		if err != nil {
			return nil, err
		}
		trainer = &filled
	}
	hidden, attention := C.double(-1), C.double(-1)
	setDouble(&hidden, options.HiddenDropout)
	setDouble(&attention, options.AttentionDropout)
	trained, err := model.Clone()
	if err != nil {
		return nil, err
	}
	err = data.use(func(dataset *C.s3rec_dataset) error {
		return trained.read(func(clone *C.s3rec_model) error {
			result := C.s3go_run_create(clone, dataset, C.int32_t(stage),
				C.int32_t(options.Recipe), seedOf(options.Seed), epochs, patience, heldOut,
				C.int32_t(options.Protocol),
				hidden, attention, sampler, trainer)
			if err := failure(result); err != nil {
				return err
			}
			run = &Run{model: model, trained: trained}
			run.h = newHandle("run", result.handle, model.h.root, func(pointer unsafe.Pointer) {
				C.s3rec_run_destroy((*C.s3rec_run)(pointer))
				trained.Close()
			})
			return nil
		})
	})
	if err != nil {
		trained.Close()
		return nil, err
	}
	return run, nil
}

func (r *Run) use(call func(*C.s3rec_run) error) error {
	var h *handle
	if r != nil {
		h = r.h
	}
	return h.useAlone("run", func(pointer unsafe.Pointer) error {
		return call((*C.s3rec_run)(pointer))
	})
}

// Close ends the run; before RunDone the model stays as it was. It may be called again.
func (r *Run) Close() error {
	if r != nil {
		r.h.close()
	}
	return nil
}

// Step goes one step on. After the last one it gives RunDone, and the model has its weights.
// After an error it may be called again. Errors: those of Trainer.PretrainStep,
// Trainer.FinetuneStep, Model.Evaluate and, at the end, Model.CopyWeights.
func (r *Run) Step() (progress Progress, err error) {
	err = r.use(func(run *C.s3rec_run) error {
		var p C.s3rec_run_progress
		if err := failure(C.s3go_run_step(run, &p)); err != nil {
			return err
		}
		if p.event == C.S3REC_RUN_DONE && !r.stored {
			if err := r.model.CopyWeights(r.trained); err != nil {
				return err
			}
			r.stored = true
		}
		progress = Progress{RunEvent(p.event), p.refit != 0, int(p.epoch), int(p.epochs),
			int(p.step), int(p.steps), float64(p.loss), float64(p.aap), float64(p.mip),
			float64(p._map), float64(p.sp), int(p.sequence_count), int(p.target_count),
			float64(p.valid_value), float64(p.best_value), int(p.best_epoch)}
		return nil
	})
	return progress, err
}

// ValidMetrics gives the metrics of the valid split after the last epoch that was measured.
// Error: ErrNotFound (none yet).
func (r *Run) ValidMetrics() (metrics Metrics, err error) {
	err = r.use(func(run *C.s3rec_run) error {
		var measured C.s3rec_metrics
		if err := failure(C.s3go_run_valid_metrics(run, &measured)); err != nil {
			return err
		}
		metrics = metricsOf(&measured)
		return nil
	})
	return metrics, err
}

// Save writes all that the run needs to go on bit by bit, between any two steps. Errors: those
// of Trainer.Save.
func (r *Run) Save(path string) (err error) {
	name := text(&err, "path", path, false)
	defer freeText(name)
	if err != nil {
		return err
	}
	return r.use(func(run *C.s3rec_run) error { return failure(C.s3go_run_save(run, name)) })
}

// Load puts a saved run into a new one, before its first step, over the same model, data and
// options. Errors: those of Trainer.Load.
func (r *Run) Load(path string) (err error) {
	name := text(&err, "path", path, false)
	defer freeText(name)
	if err != nil {
		return err
	}
	return r.use(func(run *C.s3rec_run) error { return failure(C.s3go_run_load(run, name)) })
}
