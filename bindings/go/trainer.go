// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge_train.h"
import "C"

import "unsafe"

// Trainer is optimizer state, gradients and working memory for one model, which nobody can
// score meanwhile. Calls from several goroutines wait for each other. Most programs want
// Pretrain and Finetune instead.
type Trainer struct {
	h     *handle
	model *Model
}

// NewTrainer takes a model for writing until Close; options may be nil. Errors: ErrArgument,
// ErrMemory; ErrState (the model has a trainer).
func NewTrainer(model *Model, options *TrainerOptions) (trainer *Trainer, err error) {
	filled, err := options.fill()
	if err != nil {
		return nil, err
	}
	err = model.write(func(c *C.s3rec_model) error {
		result := C.s3go_trainer_create(c, &filled)
		if err := failure(result); err != nil {
			return err
		}
		trainer = &Trainer{newHandle("trainer", result.handle, model.h.root,
			func(pointer unsafe.Pointer) { C.s3rec_trainer_destroy((*C.s3rec_trainer)(pointer)) }),
			model}
		return nil
	})
	return trainer, err
}

// Close frees the model for other uses. It may be called again.
func (t *Trainer) Close() error {
	if t != nil {
		t.h.close()
	}
	return nil
}

// read calls with the C trainer while nobody writes its model, which may be closed.
func (t *Trainer) read(call func(*C.s3rec_trainer) error) error {
	if t == nil || t.h == nil {
		return closedError("trainer")
	}
	t.model.inside.access.RLock()
	defer t.model.inside.access.RUnlock()
	return t.use(call)
}

// write calls with the C trainer while nobody else uses its model.
func (t *Trainer) write(call func(*C.s3rec_trainer) error) error {
	if t == nil || t.h == nil {
		return closedError("trainer")
	}
	t.model.inside.access.Lock()
	defer t.model.inside.access.Unlock()
	return t.use(call)
}

func (t *Trainer) use(call func(*C.s3rec_trainer) error) error {
	return t.h.useAlone("trainer", func(pointer unsafe.Pointer) error {
		return call((*C.s3rec_trainer)(pointer))
	})
}

// Losses are what a step measured, of the batch before the update.
type Losses struct {
	Total             float64 // what was minimised
	AAP, MIP, MAP, SP float64 // sums over the batch, unweighted; 0 where the weight is 0
	NextItem          float64 // mean over real targets
	GradientNorm      float64 // before clipping; 0 unless clipping is on
	Sequences         int     // of the batch
	Tokens            int     // real tokens of one array
	Targets           int     // masked positions, or real targets of fine-tuning
}

func lossesOf(l *C.s3rec_losses) Losses {
	return Losses{float64(l.total), float64(l.aap), float64(l.mip), float64(l._map),
		float64(l.sp), float64(l.next_item), float64(l.gradient_norm), int(l.sequence_count),
		int(l.token_count), int(l.target_count)}
}

// PretrainStep is one step: forward, gradients, update. After an error the weights are as
// before. Errors: ErrArgument, ErrMemory; ErrMismatch (the batch does not fit the model);
// ErrNumeric (the loss is not finite); ErrEngine, ErrThread.
func (t *Trainer) PretrainStep(batch *Batch) (losses Losses, err error) {
	err = t.write(func(trainer *C.s3rec_trainer) error {
		return batch.use(func(batch *C.s3rec_batch) error {
			var measured C.s3rec_losses
			result := C.s3go_pretrain_step(trainer, batch, &measured)
			losses = lossesOf(&measured)
			return failure(result)
		})
	})
	return losses, err
}

// FinetuneStep is one step of fine-tuning, under the same rules.
func (t *Trainer) FinetuneStep(batch *Batch) (losses Losses, err error) {
	err = t.write(func(trainer *C.s3rec_trainer) error {
		return batch.use(func(batch *C.s3rec_batch) error {
			var measured C.s3rec_losses
			result := C.s3go_finetune_step(trainer, batch, &measured)
			losses = lossesOf(&measured)
			return failure(result)
		})
	})
	return losses, err
}

// ComputeGradients computes without an update, to average over machines: read all gradients,
// write the averages back, ApplyGradients.
func (t *Trainer) ComputeGradients(batch *Batch) (losses Losses, err error) {
	err = t.read(func(trainer *C.s3rec_trainer) error {
		return batch.use(func(batch *C.s3rec_batch) error {
			var measured C.s3rec_losses
			result := C.s3go_trainer_compute_gradients(trainer, batch, &measured)
			losses = lossesOf(&measured)
			return failure(result)
		})
	})
	return losses, err
}

// ReadGradient copies out a parameter's gradient, in the parameter's shape, into values.
// Errors: ErrArgument, ErrNotFound; ErrState (no gradients since the last update).
func (t *Trainer) ReadGradient(name string, values []float32) (err error) {
	wanted := text(&err, "name", name, false)
	defer freeText(wanted)
	if err != nil {
		return err
	}
	return t.read(func(trainer *C.s3rec_trainer) error {
		return failure(C.s3go_trainer_gradient_read(trainer, wanted, floats(values),
			C.size_t(len(values))))
	})
}

// WriteGradient replaces a parameter's gradient. Errors: as ReadGradient's, ErrMemory;
// ErrNumeric (a value is NaN or infinite).
func (t *Trainer) WriteGradient(name string, values []float32) (err error) {
	wanted := text(&err, "name", name, false)
	defer freeText(wanted)
	if err != nil {
		return err
	}
	return t.read(func(trainer *C.s3rec_trainer) error {
		return failure(C.s3go_trainer_gradient_write(trainer, wanted, floats(values),
			C.size_t(len(values))))
	})
}

// ApplyGradients is the update with the gradients held, which are then used up. Errors:
// ErrState (there are none), ErrNumeric.
func (t *Trainer) ApplyGradients() error {
	return t.write(func(trainer *C.s3rec_trainer) error {
		return failure(C.s3go_trainer_apply_gradients(trainer))
	})
}

// Steps is the number of updates so far; 0 when closed.
func (t *Trainer) Steps() (steps uint64) {
	_ = t.read(func(trainer *C.s3rec_trainer) error {
		steps = uint64(C.s3rec_trainer_step_count(trainer))
		return nil
	})
	return steps
}

// Save writes all that training needs to go on bit by bit, with the position of the sampler
// (nil: without) and a note of one's own. Errors: ErrArgument, ErrMemory, ErrIO, ErrNumeric.
func (t *Trainer) Save(path string, sampler *Sampler, note string) (err error) {
	name := text(&err, "path", path, false)
	words := text(&err, "note", note, true)
	defer freeText(name)
	defer freeText(words)
	if err != nil {
		return err
	}
	return t.read(func(trainer *C.s3rec_trainer) error {
		return sampler.useOptional(func(sampler *C.s3rec_sampler) error {
			return failure(C.s3go_trainer_save(trainer, sampler, words, name))
		})
	})
}

// Load puts a saved state into a trainer, and its position into the sampler unless that is
// nil, and gives the note. Model, options and data must be those of the state. Errors:
// ErrArgument, ErrMemory, ErrIO, ErrFormat, ErrUnsupported; ErrMismatch names what differs.
func (t *Trainer) Load(path string, sampler *Sampler) (note string, err error) {
	name := text(&err, "path", path, false)
	defer freeText(name)
	if err != nil {
		return "", err
	}
	err = t.write(func(trainer *C.s3rec_trainer) error {
		return sampler.useOptional(func(sampler *C.s3rec_sampler) error {
			if err := failure(C.s3go_trainer_load(trainer, sampler, name)); err != nil {
				return err
			}
			note = C.GoString(C.s3rec_trainer_note(trainer))
			return nil
		})
	})
	return note, err
}

// useOptional is use, with nil for a nil sampler.
func (s *Sampler) useOptional(call func(*C.s3rec_sampler) error) error {
	if s == nil {
		return call(nil)
	}
	return s.use(call)
}

// Memory gives the bytes the trainer holds, model and data set aside; 0 when closed.
func (t *Trainer) Memory() (bytes uint64) {
	_ = t.read(func(trainer *C.s3rec_trainer) error {
		bytes = uint64(C.s3rec_trainer_memory(trainer))
		return nil
	})
	return bytes
}
