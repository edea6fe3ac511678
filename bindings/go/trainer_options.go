// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge_train.h"
import "C"

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
	C.s3go_trainer_options_init(&options)
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
