// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
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
	C.s3rec_sampler_options_init(&options, C.s3rec_stage(stage))
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
		var made *C.s3rec_sampler
		err := failure(func() status { return C.s3rec_sampler_create(dataset, &filled, &made) })
		if err == nil {
			sampler = &Sampler{newHandle("sampler", unsafe.Pointer(made), data.h.root,
				func(pointer unsafe.Pointer) {
					C.s3rec_sampler_destroy((*C.s3rec_sampler)(pointer))
				})}
		}
		return err
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

// useOptional is use, with nil for a nil sampler.
func (s *Sampler) useOptional(call func(*C.s3rec_sampler) error) error {
	if s == nil {
		return call(nil)
	}
	return s.use(call)
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
	var sequences, batches C.size_t
	err = s.use(checked(func(sampler *C.s3rec_sampler) status {
		return C.s3rec_sampler_epoch_size(sampler, &sequences, &batches)
	}))
	return int(sequences), int(batches), err
}

// Next fills a batch with the next step and moves on; after an epoch comes another order.
func (s *Sampler) Next(batch *Batch) error {
	return s.use(func(sampler *C.s3rec_sampler) error {
		return batch.use(checked(func(batch *C.s3rec_batch) status {
			return C.s3rec_sampler_next(sampler, batch)
		}))
	})
}

// Position says where the next batch comes from; epochs and steps count from 0.
func (s *Sampler) Position() (epoch uint64, step int, err error) {
	var at C.uint64_t
	var within C.size_t
	err = s.use(checked(func(sampler *C.s3rec_sampler) status {
		return C.s3rec_sampler_position(sampler, &at, &within)
	}))
	return uint64(at), int(within), err
}

// Seek makes the next batch come from there. Error: ErrArgument.
func (s *Sampler) Seek(epoch uint64, step int) error {
	return s.use(checked(func(sampler *C.s3rec_sampler) status {
		return C.s3rec_sampler_seek(sampler, C.uint64_t(epoch), C.size_t(step))
	}))
}

// Batch is the input of a training step; a loop needs one. Calls from several goroutines wait
// for each other.
type Batch struct{ h *handle }

// NewBatch makes an empty batch.
func NewBatch(c *Context) (batch *Batch, err error) {
	err = withContext(c, func(context *C.s3rec_context, root *root) error {
		var made *C.s3rec_batch
		err := failure(func() status { return C.s3rec_batch_create(context, &made) })
		if err == nil {
			batch = &Batch{newHandle("batch", unsafe.Pointer(made), root,
				func(pointer unsafe.Pointer) { C.s3rec_batch_destroy((*C.s3rec_batch)(pointer)) })}
		}
		return err
	})
	return batch, err
}

func (b *Batch) use(call func(*C.s3rec_batch) error) error {
	var h *handle
	if b != nil {
		h = b.h
	}
	return h.useAlone("batch", func(pointer unsafe.Pointer) error {
		return call((*C.s3rec_batch)(pointer))
	})
}

// Close lets the batch go. It may be called again.
func (b *Batch) Close() error {
	if b != nil {
		b.h.close()
	}
	return nil
}

// PretrainArrays is a pretraining batch in padded arrays, row-major [BatchSize,
// MaxSeqLength], 0 = padding on the left; all six share their padding.
type PretrainArrays struct {
	BatchSize, MaxSeqLength, AttributeSize int
	MaskID                                 int32   // the model's item size - 1
	Attributes                             []uint8 // [.., AttributeSize] of PosItems, 1 = has it
	MaskedItemSequence                     []int32 // items, some replaced by the mask
	PosItems                               []int32 // the items themselves
	NegItems                               []int32 // a negative where masked
	MaskedSegmentSequence                  []int32 // items, one segment masked
	PosSegment                             []int32 // that segment, the mask elsewhere
	NegSegment                             []int32 // a segment of another sequence
}

// SetPretrain replaces what the batch holds. Errors: ErrArgument, ErrMemory; ErrFormat names
// the array, row and column.
func (b *Batch) SetPretrain(arrays PretrainArrays) (err error) {
	rows := narrow(&err, "BatchSize", arrays.BatchSize)
	length := narrow(&err, "MaxSeqLength", arrays.MaxSeqLength)
	attributes := narrow(&err, "AttributeSize", arrays.AttributeSize)
	for _, array := range []struct {
		name   string
		values []int32
	}{{"MaskedItemSequence", arrays.MaskedItemSequence}, {"PosItems", arrays.PosItems},
		{"NegItems", arrays.NegItems}, {"MaskedSegmentSequence", arrays.MaskedSegmentSequence},
		{"PosSegment", arrays.PosSegment}, {"NegSegment", arrays.NegSegment}} {
		checkLength(&err, array.name, len(array.values), arrays.BatchSize, arrays.MaxSeqLength)
	}
	checkLength(&err, "Attributes", len(arrays.Attributes), arrays.BatchSize,
		arrays.MaxSeqLength, arrays.AttributeSize)
	if err != nil {
		return err
	}
	return b.use(checked(func(batch *C.s3rec_batch) status {
		return C.s3go_batch_set_pretrain(batch, rows, length, attributes,
			C.int32_t(arrays.MaskID), uint8s(arrays.Attributes),
			int32s(arrays.MaskedItemSequence), int32s(arrays.PosItems),
			int32s(arrays.NegItems), int32s(arrays.MaskedSegmentSequence),
			int32s(arrays.PosSegment), int32s(arrays.NegSegment))
	}))
}

// SetFinetune replaces what the batch holds by padded arrays [batchSize, maxSeqLength].
// targetNeg may be nil when only softmax losses are used. Errors as SetPretrain's.
func (b *Batch) SetFinetune(batchSize, maxSeqLength int, inputIDs, targetPos,
	targetNeg []int32) (err error) {
	rows := narrow(&err, "batchSize", batchSize)
	length := narrow(&err, "maxSeqLength", maxSeqLength)
	checkLength(&err, "inputIDs", len(inputIDs), batchSize, maxSeqLength)
	checkLength(&err, "targetPos", len(targetPos), batchSize, maxSeqLength)
	if targetNeg != nil {
		checkLength(&err, "targetNeg", len(targetNeg), batchSize, maxSeqLength)
	}
	if err != nil {
		return err
	}
	return b.use(checked(func(batch *C.s3rec_batch) status {
		return C.s3rec_batch_set_finetune(batch, rows, length, int32s(inputIDs),
			int32s(targetPos), int32s(targetNeg))
	}))
}

// checkLength is what stands between a wrong size and reading beyond a slice. Sizes above
// what the library takes are let through, for it to name their range.
func checkLength(err *error, name string, length int, sizes ...int) {
	wanted := 1
	for _, size := range sizes {
		if size < 1 || size > 1<<31 || wanted > 1<<31 {
			if *err == nil {
				*err = argumentError("%s: sizes %v are out of range", name, sizes)
			}
			return
		}
		wanted *= size
	}
	if *err == nil && length != wanted {
		*err = argumentError("%s has %d values, must have %d", name, length, wanted)
	}
}

// BatchInfo is what a batch holds.
type BatchInfo struct {
	Stage        Stage // 0 while the batch is empty
	BatchSize    int   // sequences
	MaxSeqLength int   // of the padded arrays
	Tokens       int   // real tokens of one array
	Targets      int   // masked positions, or real targets of fine-tuning
}

// Info says what the batch holds.
func (b *Batch) Info() (info BatchInfo, err error) {
	err = b.use(func(batch *C.s3rec_batch) error {
		info, err = batchInfo(batch)
		return err
	})
	return info, err
}

func batchInfo(batch *C.s3rec_batch) (BatchInfo, error) {
	var read C.s3rec_batch_info
	C.s3rec_batch_info_init(&read)
	err := failure(func() status { return C.s3rec_batch_info_get(batch, &read) })
	return BatchInfo{Stage(read.stage), int(read.batch_size), int(read.max_seq_length),
		int(read.token_count), int(read.target_count)}, err
}

// Read copies out an array by its name in the C library ("masked_item_sequence",
// "input_ids", ...): [BatchSize, MaxSeqLength], padded. Error: ErrNotFound.
func (b *Batch) Read(name string) (ids []int32, err error) {
	wanted := text(&err, "name", name, false)
	defer freeText(wanted)
	if err != nil {
		return nil, err
	}
	err = b.use(func(batch *C.s3rec_batch) error {
		info, err := batchInfo(batch)
		if err != nil {
			return err
		}
		values := make([]int32, info.BatchSize*info.MaxSeqLength)
		err = failure(func() status {
			return C.s3rec_batch_read(batch, wanted, int32s(values), C.size_t(len(values)))
		})
		if err == nil {
			ids = values
		}
		return err
	})
	return ids, err
}
