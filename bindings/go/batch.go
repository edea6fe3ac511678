// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge_train.h"
import "C"

import "unsafe"

// Batch is the input of a training step; a loop needs one. Calls from several goroutines wait
// for each other.
type Batch struct{ h *handle }

// NewBatch makes an empty batch.
func NewBatch(c *Context) (batch *Batch, err error) {
	err = withContext(c, func(context *C.s3rec_context, root *root) error {
		result := C.s3go_batch_create(context)
		if err := failure(result); err != nil {
			return err
		}
		batch = &Batch{newHandle("batch", result.handle, root, func(pointer unsafe.Pointer) {
			C.s3rec_batch_destroy((*C.s3rec_batch)(pointer))
		})}
		return nil
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
	return b.use(func(batch *C.s3rec_batch) error {
		return failure(C.s3go_batch_set_pretrain(batch, rows, length, attributes,
			C.int32_t(arrays.MaskID), uint8s(arrays.Attributes),
			int32s(arrays.MaskedItemSequence), int32s(arrays.PosItems), int32s(arrays.NegItems),
			int32s(arrays.MaskedSegmentSequence), int32s(arrays.PosSegment),
			int32s(arrays.NegSegment)))
	})
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
	return b.use(func(batch *C.s3rec_batch) error {
		return failure(C.s3go_batch_set_finetune(batch, rows, length, int32s(inputIDs),
			int32s(targetPos), int32s(targetNeg)))
	})
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
	if err := failure(C.s3go_batch_info(batch, &read)); err != nil {
		return BatchInfo{}, err
	}
	return BatchInfo{Stage(read.stage), int(read.batch_size), int(read.max_seq_length),
		int(read.token_count), int(read.target_count)}, nil
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
		result := C.s3go_batch_read(batch, wanted, int32s(values), C.size_t(len(values)))
		if err := failure(result); err != nil {
			return err
		}
		ids = values
		return nil
	})
	return ids, err
}
