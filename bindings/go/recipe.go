// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge_train.h"
import "C"

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
	err := failure(C.s3go_recipe_plan(C.int32_t(r), C.int32_t(stage), &plan))
	if err != nil {
		return RecipePlan{}, err
	}
	return RecipePlan{int(plan.epochs), int(plan.patience), plan.refit != 0,
		float64(plan.hidden_dropout_prob), float64(plan.attention_probs_dropout_prob)}, nil
}

// Sampler gives the sampler's options of a stage. Error: ErrArgument.
func (r Recipe) Sampler(stage Stage) (SamplerOptions, error) {
	var options C.s3rec_sampler_options
	C.s3go_sampler_options_init(&options, C.int32_t(stage))
	if err := failure(C.s3go_recipe_sampler(C.int32_t(r), &options)); err != nil {
		return SamplerOptions{}, err
	}
	return samplerOptionsOf(&options), nil
}

// Trainer gives the trainer's options of a stage, with a learning rate that spans the plan's
// epochs of so many steps. Error: ErrArgument.
func (r Recipe) Trainer(stage Stage, stepsPerEpoch int) (TrainerOptions, error) {
	var options C.s3rec_trainer_options
	C.s3go_trainer_options_init(&options)
	result := C.s3go_recipe_trainer(C.int32_t(r), C.int32_t(stage), C.size_t(stepsPerEpoch),
		&options)
	if err := failure(result); err != nil {
		return TrainerOptions{}, err
	}
	return trainerOptionsOf(&options), nil
}
