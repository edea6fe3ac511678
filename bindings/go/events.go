// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge_names.h"
import "C"

import "unsafe"

// Events is a growing table of who took what and when, and of items' attributes, with ids of
// any kind, from files and slices in any mixture. A call that fails adds nothing. Calls from
// several goroutines wait for each other.
type Events struct{ h *handle }

// NewEvents makes an empty table.
func NewEvents(c *Context) (events *Events, err error) {
	err = withContext(c, func(context *C.s3rec_context, root *root) error {
		result := C.s3go_events_create(context)
		if err := failure(result); err != nil {
			return err
		}
		events = &Events{newHandle("events", result.handle, root, func(pointer unsafe.Pointer) {
			C.s3rec_events_destroy((*C.s3rec_events)(pointer))
		})}
		return nil
	})
	return events, err
}

func (e *Events) use(call func(*C.s3rec_events) error) error {
	var h *handle
	if e != nil {
		h = e.h
	}
	return h.useAlone("events", func(pointer unsafe.Pointer) error {
		return call((*C.s3rec_events)(pointer))
	})
}

// Close lets the table go; data sets made of it stay usable. It may be called again.
func (e *Events) Close() error {
	if e != nil {
		e.h.close()
	}
	return nil
}

// Read adds the events of a file: CSV, TSV, JSONL or "::" between fields, gzip or not.
// Timestamps are numbers in any one unit, or ISO 8601. options may be nil. Errors:
// ErrArgument, ErrMemory, ErrIO; ErrFormat with "file:line: field: reason"; ErrMismatch (a file
// of the table has timestamps, another has none; integers were appended before).
func (e *Events) Read(path string, options *TableOptions) (TableReport, error) {
	return e.read(path, options, 0)
}

// ReadAttributes adds attributes of items from a table with one or more rows an item, under
// the same rules.
func (e *Events) ReadAttributes(path string, options *TableOptions) (TableReport, error) {
	return e.read(path, options, 1)
}

func (e *Events) read(path string, options *TableOptions, attributes C.int32_t) (
	report TableReport, err error) {
	filled, freeAll, err := options.fill()
	defer freeAll()
	name := text(&err, "path", path, false)
	defer freeText(name)
	if err != nil {
		return report, err
	}
	err = e.use(func(events *C.s3rec_events) error {
		var read C.s3rec_table_report
		result := C.s3go_events_read(events, name, attributes, filled, &read)
		if err := failure(result); err != nil {
			return err
		}
		report = TableReport{int(read.row_count), int(read.bad_row_count),
			uint64(read.first_bad_line)}
		return nil
	})
	return report, err
}

// EventColumns are events in slices of one length; all is copied. All users of a table are
// Strings or all are Integers, and all items likewise.
type EventColumns struct {
	Users, Items Names
	Timestamps   []int64   // nil: in this order, and all events of the table are
	Values       []float64 // nil: none
}

// column is a column of ids in the form of C.
type column struct {
	integers []int64
	text     []byte
	offsets  []int64
}

func columnOf(names Names) (c column) {
	if c.integers = names.integers(); c.integers == nil {
		c.text, c.offsets = names.columns()
	}
	return c
}

// Append adds events. Errors: ErrArgument, ErrMemory; ErrFormat (names the index: an id that
// is empty, too long or not UTF-8, a value that is NaN); ErrMismatch (integers beside text).
func (e *Events) Append(columns EventColumns) error {
	if columns.Users == nil || columns.Items == nil {
		return argumentError("Users and Items must not be nil")
	}
	count := columns.Users.Len()
	switch {
	case columns.Items.Len() != count:
		return argumentError("Items has %d ids, Users has %d", columns.Items.Len(), count)
	case columns.Timestamps != nil && len(columns.Timestamps) != count:
		return argumentError("Timestamps has %d values, Users has %d", len(columns.Timestamps), count)
	case columns.Values != nil && len(columns.Values) != count:
		return argumentError("Values has %d values, Users has %d", len(columns.Values), count)
	}
	users, items := columnOf(columns.Users), columnOf(columns.Items)
	return e.use(func(events *C.s3rec_events) error {
		if count == 0 {
			return nil
		}
		return failure(C.s3go_events_append(events, C.size_t(count), int64s(users.integers),
			chars(users.text), int64s(users.offsets), int64s(items.integers), chars(items.text),
			int64s(items.offsets), int64s(columns.Timestamps), doubles(columns.Values)))
	})
}

// AppendAttributes adds attributes of items: items[i] has attributes[i], such as
// "genre=Drama". Errors as Append's.
func (e *Events) AppendAttributes(items, attributes Names) error {
	if items == nil || attributes == nil {
		return argumentError("items and attributes must not be nil")
	}
	if items.Len() != attributes.Len() {
		return argumentError("%d items, but %d attributes", items.Len(), attributes.Len())
	}
	of, has := columnOf(items), columnOf(attributes)
	return e.use(func(events *C.s3rec_events) error {
		if items.Len() == 0 {
			return nil
		}
		return failure(C.s3go_events_append_attributes(events, C.size_t(items.Len()),
			int64s(of.integers), chars(of.text), int64s(of.offsets), int64s(has.integers),
			chars(has.text), int64s(has.offsets)))
	})
}

// Dataset makes a data set of the events: a sequence a user, oldest first, with names of
// items, users and attributes. options may be nil. The table may go on growing. Errors:
// ErrArgument, ErrMemory; ErrFormat (nothing is left: the text has the counts).
func (e *Events) Dataset(options *EventsOptions) (data *Dataset, report EventsReport, err error) {
	if options == nil {
		options = &EventsOptions{}
	}
	filled, err := options.fill()
	if err != nil {
		return nil, report, err
	}
	finish := func(events *C.s3rec_events) error {
		var counts C.s3rec_events_report
		result := C.s3go_events_dataset(events, &filled, &counts)
		if err := failure(result); err != nil {
			return err
		}
		data = newDataset(result, e.h.root)
		report = EventsReport{int(counts.event_count), int(counts.low_value_count),
			int(counts.repeat_count), int(counts.unknown_count), int(counts.core_count),
			int(counts.cut_count), int(counts.short_count), int(counts.kept_count),
			int(counts.attributed_item_count)}
		return nil
	}
	err = e.use(func(events *C.s3rec_events) error {
		return options.ItemNames.useOptional(func(items *C.s3rec_vocabulary) error {
			return options.AttributeNames.useOptional(func(attributes *C.s3rec_vocabulary) error {
				filled.item_names, filled.attribute_names = items, attributes
				return finish(events)
			})
		})
	})
	return data, report, err
}
