// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge_train.h"
import "C"

import "unsafe"

// Stage is one of the two stages of training.
type Stage int32

// The stages.
const (
	StagePretrain Stage = C.S3REC_STAGE_PRETRAIN // every prefix of every sequence, masked
	StageFinetune Stage = C.S3REC_STAGE_FINETUNE // every sequence against its successors
)

// SamplerOptions are about the batches that are drawn; zero values are the defaults.
type SamplerOptions struct {
	BatchSize      int      // sequences a step, 1..65536; default 100, fine-tuning 256
	MaxSeqLength   int      // 1..4096; default 50
	MaskP          *float64 // 0..1, share of masked items in pretraining; default 0.2
	Seed           *uint64  // default 42
	NoShuffle      bool     // keeps the data's order
	ReferenceDraws bool     // exactly the draws of the authors' implementation
	// HeldOutCount is how many items at the end of a sequence are not trained on, 0..2; default
	// 2, for the test and the valid split.
	HeldOutCount *int
}

// fill is the C form of options, which may be nil.
func (o *SamplerOptions) fill(stage Stage) (options C.s3rec_sampler_options, err error) {
	C.s3go_sampler_options_init(&options, C.int32_t(stage))
	if o == nil {
		return options, nil
	}
	if o.BatchSize != 0 {
		options.batch_size = narrow(&err, "BatchSize", o.BatchSize)
	}
	if o.MaxSeqLength != 0 {
		options.max_seq_length = narrow(&err, "MaxSeqLength", o.MaxSeqLength)
	}
	setDouble(&options.mask_p, o.MaskP)
	options.seed = seedOf(o.Seed)
	if o.NoShuffle {
		options.shuffle = 0
	}
	if o.ReferenceDraws {
		options.reference_draws = 1
	}
	if o.HeldOutCount != nil {
		options.held_out_count = narrow(&err, "HeldOutCount", *o.HeldOutCount)
	}
	return options, err
}

func samplerOptionsOf(o *C.s3rec_sampler_options) SamplerOptions {
	return SamplerOptions{int(o.batch_size), int(o.max_seq_length), Ptr(float64(o.mask_p)),
		Ptr(uint64(o.seed)), o.shuffle == 0, o.reference_draws != 0, Ptr(int(o.held_out_count))}
}

// Sampler draws batches from a data set. Calls from several goroutines wait for each other.
type Sampler struct{ h *handle }

// NewSampler makes a sampler; options may be nil. Errors: ErrArgument (also when there is
// nothing to train on), ErrMemory.
func NewSampler(data *Dataset, stage Stage, options *SamplerOptions) (sampler *Sampler,
	err error) {
	filled, err := options.fill(stage)
	if err != nil {
		return nil, err
	}
	err = data.use(func(dataset *C.s3rec_dataset) error {
		result := C.s3go_sampler_create(dataset, &filled)
		if err := failure(result); err != nil {
			return err
		}
		sampler = &Sampler{newHandle("sampler", result.handle, data.h.root,
			func(pointer unsafe.Pointer) { C.s3rec_sampler_destroy((*C.s3rec_sampler)(pointer)) })}
		return nil
	})
	return sampler, err
}

func (s *Sampler) use(call func(*C.s3rec_sampler) error) error {
	var h *handle
	if s != nil {
		h = s.h
	}
	return h.useAlone("sampler", func(pointer unsafe.Pointer) error {
		return call((*C.s3rec_sampler)(pointer))
	})
}

// Close lets the sampler go. It may be called again.
func (s *Sampler) Close() error {
	if s != nil {
		s.h.close()
	}
	return nil
}

// EpochSize gives the sequences and the steps of an epoch.
func (s *Sampler) EpochSize() (instances, steps int, err error) {
	err = s.use(func(sampler *C.s3rec_sampler) error {
		var counts [2]C.size_t
		result := C.s3go_sampler_epoch_size(sampler, &counts[0], &counts[1])
		instances, steps = int(counts[0]), int(counts[1])
		return failure(result)
	})
	return instances, steps, err
}

// Next fills a batch with the next step and moves on; after an epoch comes another order.
func (s *Sampler) Next(batch *Batch) error {
	return s.use(func(sampler *C.s3rec_sampler) error {
		return batch.use(func(batch *C.s3rec_batch) error {
			return failure(C.s3go_sampler_next(sampler, batch))
		})
	})
}

// Position says where the next batch comes from; epochs and steps count from 0.
func (s *Sampler) Position() (epoch uint64, step int, err error) {
	err = s.use(func(sampler *C.s3rec_sampler) error {
		var at C.uint64_t
		var within C.size_t
		result := C.s3go_sampler_position(sampler, &at, &within)
		epoch, step = uint64(at), int(within)
		return failure(result)
	})
	return epoch, step, err
}

// Seek makes the next batch come from there. Error: ErrArgument.
func (s *Sampler) Seek(epoch uint64, step int) error {
	return s.use(func(sampler *C.s3rec_sampler) error {
		return failure(C.s3go_sampler_seek(sampler, C.uint64_t(epoch), C.size_t(step)))
	})
}
