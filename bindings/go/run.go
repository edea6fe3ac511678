// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import "unsafe"

// RunEvent is what a step of a run did.
type RunEvent int32

// The events.
const (
	RunStep  RunEvent = C.S3REC_RUN_STEP  // a step within an epoch
	RunEpoch RunEvent = C.S3REC_RUN_EPOCH // the last step of an epoch; measured, in fine-tuning
	RunDone  RunEvent = C.S3REC_RUN_DONE  // nothing: the run is over
)

// Progress is where a run is.
type Progress struct {
	Event              RunEvent
	Refit              bool    // in the refit, whose epochs count from 1 again
	Epoch, Epochs      int     // number of this epoch from 1, and of the last possible one
	Step, Steps        int     // steps done in this epoch, and steps of an epoch
	Loss               float64 // mean of this epoch so far, per sequence or (fine-tuning) per target
	AAP, MIP, MAP, SP  float64 // pretraining: means per sequence, without the weights
	Sequences, Targets int     // trained on in this epoch so far
	Tokens             int     // encoded in this epoch so far, without padding
	ValidValue         float64 // fine-tuning, RunEpoch: the metric that the best epoch is chosen by
	BestValue          float64 // the best ValidValue so far
	BestEpoch          int     // the epoch of BestValue; 0 before the first is measured
	SelectionEpochs    int     // epochs before the refit that are done
	Last               bool    // the selection, or the refit, ends with this epoch
}

func progressOf(p *C.s3rec_run_progress) Progress {
	return Progress{RunEvent(p.event), p.refit != 0, int(p.epoch), int(p.epochs), int(p.step),
		int(p.steps), float64(p.loss), float64(p.aap), float64(p.mip), float64(p._map),
		float64(p.sp), int(p.sequence_count), int(p.target_count), int(p.token_count),
		float64(p.valid_value), float64(p.best_value), int(p.best_epoch),
		int(p.selection_epochs), p.last != 0}
}

// Run is one stage of training from beginning to end, one step per call. It only reads the model
// that it begins with: the program may score, save and close that model meanwhile, but must not
// change its weights before the refit has begun. Calls from several goroutines wait for each other.
type Run struct {
	h     *handle
	model *Model // the one that the run begins with; nil in a run that was resumed without one
}

// NewRun begins a stage; options may be nil. Errors: ErrArgument (also data with no sequence to
// train on, or no user to measure by), ErrMemory; ErrMismatch (the data has items or attributes
// that the model does not have, or other names).
func NewRun(model *Model, data *Dataset, stage Stage, options *RunOptions) (*Run, error) {
	if options == nil {
		options = &RunOptions{}
	}
	filled, sampler, trainer, err := options.fill(stage)
	if err != nil {
		return nil, err
	}
	var run *Run
	err = model.read(func(c *C.s3rec_model) error {
		run, err = madeRun(model, data, func(dataset *C.s3rec_dataset,
			made **C.s3rec_run) status {
			return C.s3go_run_create(c, dataset, &filled, sampler, trainer, made)
		})
		return err
	})
	return run, err
}

// ResumeRun makes a run from a state that a run saved, in Go, C, Python or with the tool. The
// options are those of the state. model has the configuration and weights that the run began with;
// it may be nil where no refit is ahead. epochs replaces the saved number, unless it is 0. Errors:
// those of NewRun and Run.Load.
func ResumeRun(model *Model, data *Dataset, path string, epochs int) (run *Run, err error) {
	name := text(&err, "path", path, false)
	defer freeText(name)
	most := narrow(&err, "epochs", epochs)
	if err != nil {
		return nil, err
	}
	resume := func(c *C.s3rec_model) error {
		run, err = madeRun(model, data, func(dataset *C.s3rec_dataset,
			made **C.s3rec_run) status {
			return C.s3rec_run_resume(c, dataset, name, most, made)
		})
		return err
	}
	if model == nil {
		err = resume(nil)
	} else {
		err = model.read(resume)
	}
	return run, err
}

func madeRun(model *Model, data *Dataset,
	create func(*C.s3rec_dataset, **C.s3rec_run) status) (run *Run, err error) {
	err = data.use(func(dataset *C.s3rec_dataset) error {
		var made *C.s3rec_run
		err := failure(func() status { return create(dataset, &made) })
		if err != nil {
			return err
		}
		root := data.h.root
		if model != nil {
			root = model.h.root
		}
		run = &Run{newHandle("run", unsafe.Pointer(made), root,
			func(pointer unsafe.Pointer) { C.s3rec_run_destroy((*C.s3rec_run)(pointer)) }), model}
		return nil
	})
	return run, err
}

// use calls the function with the C run. Meanwhile no other call changes the model, which may be
// closed already.
func (r *Run) use(call func(*C.s3rec_run) error) error {
	if r == nil || r.h == nil {
		return closedError("run")
	}
	return r.h.useAlone("run", func(pointer unsafe.Pointer) error {
		if r.model != nil {
			r.model.inside.access.RLock()
			defer r.model.inside.access.RUnlock()
		}
		return call((*C.s3rec_run)(pointer))
	})
}

// Close ends the run. It may be called again.
func (r *Run) Close() error {
	if r != nil {
		r.h.close()
	}
	return nil
}

// Step makes one step; after the last one its event is RunDone. After an error it may be called
// again. Errors: those of Trainer.PretrainStep, Trainer.FinetuneStep and Model.Evaluate; ErrState
// (the refit begins, and the model has other weights by now).
func (r *Run) Step() (Progress, error) {
	var p C.s3rec_run_progress
	C.s3rec_run_progress_init(&p)
	err := r.use(checked(func(run *C.s3rec_run) status { return C.s3rec_run_step(run, &p) }))
	return progressOf(&p), err
}

// Progress says where the run is; it makes no step.
func (r *Run) Progress() (Progress, error) {
	var p C.s3rec_run_progress
	C.s3rec_run_progress_init(&p)
	err := r.use(checked(func(run *C.s3rec_run) status {
		return C.s3rec_run_progress_get(run, &p)
	}))
	return progressOf(&p), err
}

// Finish gives the result as a new model, which is to be closed: after RunDone the final weights,
// before that the best ones so far (pretraining: those of now). The run may go on. Errors:
// ErrMemory; ErrState (fine-tuning: no epoch has been measured yet).
func (r *Run) Finish() (model *Model, err error) {
	err = r.use(func(run *C.s3rec_run) error {
		model, err = madeModel(r.h.root, func(made **C.s3rec_model) status {
			return C.s3rec_run_finish(run, made)
		})
		return err
	})
	return model, err
}

// ValidMetrics gives the metrics of the valid split after the last epoch that was measured.
// Error: ErrNotFound (none yet).
func (r *Run) ValidMetrics() (Metrics, error) {
	var measured C.s3rec_metrics
	C.s3rec_metrics_init(&measured)
	err := r.use(checked(func(run *C.s3rec_run) status {
		return C.s3rec_run_valid_metrics(run, &measured)
	}))
	return metricsOf(&measured), err
}

// Ahead gives the largest number of steps and sequences that can follow, with those of the refit.
func (r *Run) Ahead() (steps, sequences uint64, err error) {
	var estimate C.s3rec_run_estimate
	C.s3rec_run_estimate_init(&estimate)
	err = r.use(checked(func(run *C.s3rec_run) status { return C.s3rec_run_ahead(run, &estimate) }))
	return uint64(estimate.step_count), uint64(estimate.sequence_count), err
}

// SetNote keeps a text of the program with the run; Save writes it into the state.
// Error: ErrArgument (not UTF-8).
func (r *Run) SetNote(note string) (err error) {
	words := text(&err, "note", note, true)
	defer freeText(words)
	if err != nil {
		return err
	}
	return r.use(checked(func(run *C.s3rec_run) status { return C.s3rec_run_set_note(run, words) }))
}

// Note is the text that was set last, or that of the loaded state; "" when there is none.
func (r *Run) Note() (note string) {
	_ = r.use(func(run *C.s3rec_run) error {
		note = C.GoString(C.s3rec_run_note(run))
		return nil
	})
	return note
}

// Save writes all that the run needs to go on with the same bits. It may be called between any two
// steps. Errors: those
// of Trainer.Save.
func (r *Run) Save(path string) error {
	return withText("path", path, func(name *C.char) error {
		return r.use(checked(func(run *C.s3rec_run) status { return C.s3rec_run_save(run, name) }))
	})
}

// Load continues a saved run in this one, which has made no step yet and has the same model, data
// and options. Errors: those of Trainer.Load.
func (r *Run) Load(path string) error {
	return withText("path", path, func(name *C.char) error {
		return r.use(checked(func(run *C.s3rec_run) status { return C.s3rec_run_load(run, name) }))
	})
}
