// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import "unsafe"

// FinetuneLoss is the loss of fine-tuning.
type FinetuneLoss int32

// The losses.
const (
	LossCE        FinetuneLoss = C.S3REC_LOSS_CE         // softmax over all items
	LossBCE       FinetuneLoss = C.S3REC_LOSS_BCE        // one negative a position, the paper's
	LossSampledCE FinetuneLoss = C.S3REC_LOSS_SAMPLED_CE // softmax over a corrected draw
)

// TrainerOptions are about losses and optimizer; zero values are the defaults.
type TrainerOptions struct {
	LearningRate    float64  // above 0, up to 1000; default 1e-3
	AdamBeta1       *float64 // 0..1, below 1; default 0.9
	AdamBeta2       *float64 // 0..1, below 1; default 0.999
	AdamEpsilon     float64  // 1e-16..1000; default 1e-8
	WeightDecay     float64  // 0..1000, added to the gradient
	MaxGradientNorm float64  // 0: no clipping
	// Weights of the joint pretraining loss, at least 0, which skips the work; defaults 0.2, 1,
	// 1, 0.5.
	AAPWeight, MIPWeight, MAPWeight, SPWeight *float64
	Loss                                      FinetuneLoss // default LossCE
	Seed                                      *uint64      // of dropout; default 42
	ShardCount                                int          // pieces of a step: 1, 2, 4 .. 256; default 8
	// Learning rate: rises for WarmupSteps updates; with DecaySteps above 0 it then falls along
	// half a cosine to 0 at update DecaySteps.
	WarmupSteps, DecaySteps uint64
	LabelSmoothing          float64 // softmax losses: 0..1, below 1
	DecoupledWeightDecay    float64 // AdamW's; times LearningRate at most 1
	NegativeCount           int     // LossSampledCE: items drawn a step; default 1000
}

// fill is the C form of options, which may be nil.
func (o *TrainerOptions) fill() (options C.s3rec_trainer_options, err error) {
	C.s3rec_trainer_options_init(&options)
	if o == nil {
		return options, nil
	}
	if o.LearningRate != 0 {
		options.learning_rate = C.double(o.LearningRate)
	}
	setDouble(&options.adam_beta1, o.AdamBeta1)
	setDouble(&options.adam_beta2, o.AdamBeta2)
	if o.AdamEpsilon != 0 {
		options.adam_epsilon = C.double(o.AdamEpsilon)
	}
	options.weight_decay = C.double(o.WeightDecay)
	options.max_gradient_norm = C.double(o.MaxGradientNorm)
	setDouble(&options.aap_weight, o.AAPWeight)
	setDouble(&options.mip_weight, o.MIPWeight)
	setDouble(&options.map_weight, o.MAPWeight)
	setDouble(&options.sp_weight, o.SPWeight)
	if o.Loss != 0 {
		options.finetune_loss = C.s3rec_finetune_loss(o.Loss)
	}
	options.seed = seedOf(o.Seed)
	if o.ShardCount != 0 {
		options.shard_count = narrow(&err, "ShardCount", o.ShardCount)
	}
	options.warmup_steps = C.uint64_t(o.WarmupSteps)
	options.decay_steps = C.uint64_t(o.DecaySteps)
	options.label_smoothing = C.double(o.LabelSmoothing)
	options.decoupled_weight_decay = C.double(o.DecoupledWeightDecay)
	if o.NegativeCount != 0 {
		options.negative_count = narrow(&err, "NegativeCount", o.NegativeCount)
	}
	return options, err
}

func trainerOptionsOf(o *C.s3rec_trainer_options) TrainerOptions {
	return TrainerOptions{float64(o.learning_rate), Ptr(float64(o.adam_beta1)),
		Ptr(float64(o.adam_beta2)), float64(o.adam_epsilon), float64(o.weight_decay),
		float64(o.max_gradient_norm), Ptr(float64(o.aap_weight)), Ptr(float64(o.mip_weight)),
		Ptr(float64(o.map_weight)), Ptr(float64(o.sp_weight)), FinetuneLoss(o.finetune_loss),
		Ptr(uint64(o.seed)), int(o.shard_count), uint64(o.warmup_steps), uint64(o.decay_steps),
		float64(o.label_smoothing), float64(o.decoupled_weight_decay), int(o.negative_count)}
}

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
		var made *C.s3rec_trainer
		err := failure(func() status { return C.s3rec_trainer_create(c, &filled, &made) })
		if err == nil {
			trainer = &Trainer{newHandle("trainer", unsafe.Pointer(made), model.h.root,
				func(pointer unsafe.Pointer) {
					C.s3rec_trainer_destroy((*C.s3rec_trainer)(pointer))
				}), model}
		}
		return err
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

// stepFunction is one of the library's steps.
type stepFunction func(*C.s3rec_trainer, *C.s3rec_batch, *C.s3rec_losses) status

// measured makes a step by t.read or t.write and gives the losses that it measured.
func measured(use func(func(*C.s3rec_trainer) error) error, batch *Batch, step stepFunction) (
	Losses, error) {
	var l C.s3rec_losses
	C.s3rec_losses_init(&l)
	err := use(func(trainer *C.s3rec_trainer) error {
		return batch.use(checked(func(batch *C.s3rec_batch) status {
			return step(trainer, batch, &l)
		}))
	})
	return Losses{float64(l.total), float64(l.aap), float64(l.mip), float64(l._map),
		float64(l.sp), float64(l.next_item), float64(l.gradient_norm),
		int(l.sequence_count), int(l.token_count), int(l.target_count)}, err
}

// PretrainStep is one step: forward, gradients, update. After an error the weights are as
// before. Errors: ErrArgument, ErrMemory; ErrMismatch (the batch does not fit the model);
// ErrNumeric (the loss is not finite); ErrEngine, ErrThread.
func (t *Trainer) PretrainStep(batch *Batch) (Losses, error) {
	return measured(t.write, batch, func(trainer *C.s3rec_trainer, batch *C.s3rec_batch,
		losses *C.s3rec_losses) status {
		return C.s3rec_pretrain_step(trainer, batch, losses)
	})
}

// FinetuneStep is one step of fine-tuning, under the same rules.
func (t *Trainer) FinetuneStep(batch *Batch) (Losses, error) {
	return measured(t.write, batch, func(trainer *C.s3rec_trainer, batch *C.s3rec_batch,
		losses *C.s3rec_losses) status {
		return C.s3rec_finetune_step(trainer, batch, losses)
	})
}

// ComputeGradients computes without an update, to average over machines: read all gradients,
// write the averages back, ApplyGradients.
func (t *Trainer) ComputeGradients(batch *Batch) (Losses, error) {
	return measured(t.read, batch, func(trainer *C.s3rec_trainer, batch *C.s3rec_batch,
		losses *C.s3rec_losses) status {
		return C.s3rec_trainer_compute_gradients(trainer, batch, losses)
	})
}

// ReadGradient copies out a parameter's gradient, in the parameter's shape, into values.
// Errors: ErrArgument, ErrNotFound; ErrState (no gradients since the last update).
func (t *Trainer) ReadGradient(name string, values []float32) error {
	return withText("name", name, func(wanted *C.char) error {
		return t.read(checked(func(trainer *C.s3rec_trainer) status {
			return C.s3rec_trainer_gradient_read(trainer, wanted, floats(values),
				C.size_t(len(values)))
		}))
	})
}

// WriteGradient replaces a parameter's gradient. Errors: as ReadGradient's, ErrMemory;
// ErrNumeric (a value is NaN or infinite).
func (t *Trainer) WriteGradient(name string, values []float32) error {
	return withText("name", name, func(wanted *C.char) error {
		return t.read(checked(func(trainer *C.s3rec_trainer) status {
			return C.s3rec_trainer_gradient_write(trainer, wanted, floats(values),
				C.size_t(len(values)))
		}))
	})
}

// ApplyGradients is the update with the gradients held, which are then used up. Errors:
// ErrState (there are none), ErrNumeric.
func (t *Trainer) ApplyGradients() error {
	return t.write(checked(func(trainer *C.s3rec_trainer) status {
		return C.s3rec_trainer_apply_gradients(trainer)
	}))
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
		return sampler.useOptional(checked(func(sampler *C.s3rec_sampler) status {
			return C.s3rec_trainer_save(trainer, sampler, words, name)
		}))
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
			err := failure(func() status { return C.s3rec_trainer_load(trainer, sampler, name) })
			if err == nil {
				note = C.GoString(C.s3rec_trainer_note(trainer))
			}
			return err
		})
	})
	return note, err
}

// Memory gives the bytes the trainer holds, model and data set aside; 0 when closed.
func (t *Trainer) Memory() (bytes uint64) {
	_ = t.read(func(trainer *C.s3rec_trainer) error {
		bytes = uint64(C.s3rec_trainer_memory(trainer))
		return nil
	})
	return bytes
}
