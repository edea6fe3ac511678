// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import (
	"sort"
	"unsafe"
)

// Dataset is users' item sequences, oldest first, with optional item attributes and negative
// items. It never changes; any number of goroutines may share one.
type Dataset struct{ h *handle }

func newDataset(made *C.s3rec_dataset, root *root) *Dataset {
	return &Dataset{newHandle("dataset", unsafe.Pointer(made), root, func(pointer unsafe.Pointer) {
		C.s3rec_dataset_destroy((*C.s3rec_dataset)(pointer))
	})}
}

// use calls with the C data set, whether d is nil, closed or fine.
func (d *Dataset) use(call func(*C.s3rec_dataset) error) error {
	var h *handle
	if d != nil {
		h = d.h
	}
	return h.use("dataset", func(pointer unsafe.Pointer) error {
		return call((*C.s3rec_dataset)(pointer))
	})
}

// useOptional is use, with nil for a nil data set.
func (d *Dataset) useOptional(call func(*C.s3rec_dataset) error) error {
	if d == nil {
		return call(nil)
	}
	return d.use(call)
}

// Close lets the data set go; samplers and runs over it stay usable. It may be called again.
func (d *Dataset) Close() error {
	if d != nil {
		d.h.close()
	}
	return nil
}

// DatasetFiles are paths of the text formats that docs/file-format.md describes.
type DatasetFiles struct {
	Sequences  string // a user a line: "user item item ..."
	Attributes string // JSON {"item": [attribute, ...], ...}; "" for none
	Negatives  string // "user n1 ... n99" a line; "" for none
}

// LoadDataset reads files. Errors: ErrArgument, ErrMemory, ErrIO; ErrFormat with
// "file:line:column: reason".
func LoadDataset(c *Context, files DatasetFiles) (dataset *Dataset, err error) {
	sequences := text(&err, "Sequences", files.Sequences, true)
	attributes := text(&err, "Attributes", files.Attributes, true)
	negatives := text(&err, "Negatives", files.Negatives, true)
	defer freeText(sequences)
	defer freeText(attributes)
	defer freeText(negatives)
	if err != nil {
		return nil, err
	}
	err = withContext(c, func(context *C.s3rec_context, root *root) error {
		var made *C.s3rec_dataset
		err := failure(func() status {
			return C.s3rec_dataset_load(context, sequences, attributes, negatives, &made)
		})
		if err == nil {
			dataset = newDataset(made, root)
		}
		return err
	})
	return dataset, err
}

// DatasetArrays is a data set in memory. All is copied.
type DatasetArrays struct {
	Sequences  [][]int32         // items of each user, oldest first, ids from 1
	Attributes map[int32][]int32 // attributes of items, ids from 0; nil for none
	Negatives  [][]int32         // negative items of each user, equally many; nil for none
}

// NewDataset makes a data set of arrays. Errors: ErrArgument, ErrMemory; ErrFormat names the
// user and the index.
func NewDataset(c *Context, arrays DatasetArrays) (dataset *Dataset, err error) {
	items, itemOffsets := flatten(nil, nil, arrays.Sequences)
	attributed := make([]int32, 0, len(arrays.Attributes))
	for item := range arrays.Attributes {
		attributed = append(attributed, item)
	}
	sort.Slice(attributed, func(i, j int) bool { return attributed[i] < attributed[j] })
	rows := make([][]int32, len(attributed))
	for i, item := range attributed {
		rows[i] = arrays.Attributes[item]
	}
	attributes, attributeOffsets := flatten(nil, nil, rows)

	var negatives []int32
	var perUser C.int32_t
	if len(arrays.Negatives) > 0 {
		if len(arrays.Negatives) != len(arrays.Sequences) {
			return nil, argumentError("Negatives has %d rows, must have %d, one a user",
				len(arrays.Negatives), len(arrays.Sequences))
		}
		width := len(arrays.Negatives[0])
		for user, row := range arrays.Negatives {
			if len(row) != width || width == 0 {
				return nil, argumentError("Negatives[%d] has %d items, must have %d as the first, "+
					"at least 1", user, len(row), width)
			}
			negatives = append(negatives, row...)
		}
		if perUser = narrow(&err, "length of Negatives[0]", width); err != nil {
			return nil, err
		}
	}
	err = withContext(c, func(context *C.s3rec_context, root *root) error {
		var made *C.s3rec_dataset
		err := failure(func() status {
			return C.s3go_dataset_from_arrays(context, C.size_t(len(arrays.Sequences)),
				int64s(itemOffsets), int32s(items), C.size_t(len(attributed)), int32s(attributed),
				int64s(attributeOffsets), int32s(attributes), perUser, int32s(negatives), &made)
		})
		if err == nil {
			dataset = newDataset(made, root)
		}
		return err
	})
	return dataset, err
}

// DatasetInfo has the sizes of a data set.
type DatasetInfo struct {
	Users            int    // users, those too short for a split included
	Interactions     int    // items of all sequences together
	ItemSize         int    // largest item id + 2
	AttributeSize    int    // largest attribute id + 1; 1 without attributes
	NegativesPerUser int    // the shortest list; 0 without negatives
	ShortUsers       int    // users of fewer than 3 items: they train, but are not evaluated
	Fingerprint      uint64 // of sequences and attributes
}

// Info gives the sizes.
func (d *Dataset) Info() (DatasetInfo, error) {
	var read C.s3rec_dataset_info
	C.s3rec_dataset_info_init(&read)
	err := d.use(checked(func(dataset *C.s3rec_dataset) status {
		return C.s3rec_dataset_info_get(dataset, &read)
	}))
	return DatasetInfo{int(read.user_count), int(read.interaction_count), int(read.item_size),
		int(read.attribute_size), int(read.negatives_per_user), int(read.short_user_count),
		uint64(read.fingerprint)}, err
}

// UserItems gives a user's items, oldest first; users count from 0. Error: ErrNotFound.
func (d *Dataset) UserItems(user int) ([]int32, error) { return d.AppendUserItems(nil, user) }

// AppendUserItems appends a user's items to a slice, so that a loop can use one again.
func (d *Dataset) AppendUserItems(items []int32, user int) ([]int32, error) {
	return d.appendArray(items, func(dataset *C.s3rec_dataset, array **C.int32_t,
		count *C.size_t) status {
		return C.s3rec_dataset_user_items(dataset, C.size_t(user), array, count)
	})
}

// ItemAttributes gives an item's attributes, none for an item without. Error: ErrNotFound.
func (d *Dataset) ItemAttributes(item int32) ([]int32, error) {
	return d.appendArray(nil, func(dataset *C.s3rec_dataset, array **C.int32_t,
		count *C.size_t) status {
		return C.s3rec_dataset_item_attributes(dataset, C.int32_t(item), array, count)
	})
}

// UserNegatives gives a user's negative items. Error: ErrNotFound.
func (d *Dataset) UserNegatives(user int) ([]int32, error) {
	return d.appendArray(nil, func(dataset *C.s3rec_dataset, array **C.int32_t,
		count *C.size_t) status {
		return C.s3rec_dataset_user_negatives(dataset, C.size_t(user), array, count)
	})
}

// appendArray copies an array of the library to the end of a slice.
func (d *Dataset) appendArray(values []int32,
	get func(*C.s3rec_dataset, **C.int32_t, *C.size_t) status) ([]int32, error) {
	err := d.use(func(dataset *C.s3rec_dataset) error {
		var borrowed *C.int32_t
		var count C.size_t
		err := failure(func() status { return get(dataset, &borrowed, &count) })
		if count > 0 {
			values = append(values,
				unsafe.Slice((*int32)(unsafe.Pointer(borrowed)), int(count))...)
		}
		return err
	})
	return values, err
}

// ItemNames gives the names of the items, nil unless the data set was made of events. Close
// them.
func (d *Dataset) ItemNames() (*Vocabulary, error) {
	return d.names(func(d *C.s3rec_dataset, names **C.s3rec_vocabulary) status {
		return C.s3rec_dataset_item_names(d, names)
	})
}

// UserNames gives the names of the users, likewise; their ids are the users of the data set.
func (d *Dataset) UserNames() (*Vocabulary, error) {
	return d.names(func(d *C.s3rec_dataset, names **C.s3rec_vocabulary) status {
		return C.s3rec_dataset_user_names(d, names)
	})
}

// AttributeNames gives the names of the attributes, likewise.
func (d *Dataset) AttributeNames() (*Vocabulary, error) {
	return d.names(func(d *C.s3rec_dataset, names **C.s3rec_vocabulary) status {
		return C.s3rec_dataset_attribute_names(d, names)
	})
}

func (d *Dataset) names(get func(*C.s3rec_dataset, **C.s3rec_vocabulary) status) (
	names *Vocabulary, err error) {
	err = d.use(func(dataset *C.s3rec_dataset) error {
		names, err = vocabularyOf(d.h.root, func(names **C.s3rec_vocabulary) status {
			return get(dataset, names)
		})
		return err
	})
	return names, err
}
