// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import (
	"strings"
	"unsafe"
)

// TableFormat is how a file of events or attributes is written, gzip aside.
type TableFormat int32

// The formats.
const (
	TableAuto  TableFormat = C.S3REC_TABLE_AUTO  // by the name, else by the first line
	TableCSV   TableFormat = C.S3REC_TABLE_CSV   // RFC 4180
	TableTSV   TableFormat = C.S3REC_TABLE_TSV   // tabs, nothing is quoted
	TableJSONL TableFormat = C.S3REC_TABLE_JSONL // an object a line
)

// TableHeader says whether the first row names the columns.
type TableHeader int32

// The answers.
const (
	HeaderAuto TableHeader = C.S3REC_HEADER_AUTO // when it has a name asked for, or a usual one
	HeaderNo   TableHeader = C.S3REC_HEADER_NO
	HeaderYes  TableHeader = C.S3REC_HEADER_YES
)

// TableOptions say how to read a file; zero values are the defaults. A column is named as in
// the header (in JSONL: as the key), or by its number from 1. Without a name the usual ones
// are looked for: user, item, timestamp, rating and so on (s3rec/events.h has them all).
type TableOptions struct {
	Format          TableFormat
	Header          TableHeader
	Delimiter       string // 1..8 bytes between fields; default by the format
	UserColumn      string
	ItemColumn      string
	TimestampColumn string
	ValueColumn     string
	NoTimestamp     bool // the file has none, its order counts
	NoValue         bool // the file has none, or they shall not be read
	// AttributeColumns are the columns of an attribute table that hold attributes; default: all
	// but the item's. A cell becomes the attribute "column=cell".
	AttributeColumns []string
	// AttributeSeparator is between several values of a cell, 1..8 bytes; default "|".
	AttributeSeparator   string
	NoAttributeSeparator bool // a cell is one value
	// BadRowLimit is how many rows that cannot be used are left out, each with a warning to the
	// log, before the file is refused; default: not one.
	BadRowLimit int
}

// fill is the C form of options, which may be nil; call free then.
func (o *TableOptions) fill() (options *C.s3rec_table_options, free func(), err error) {
	if o == nil {
		return nil, func() {}, nil
	}
	options = &C.s3rec_table_options{}
	C.s3rec_table_options_init(options)
	options.format = C.s3rec_table_format(o.Format)
	options.header = C.s3rec_table_header(o.Header)
	var strung []*C.char
	set := func(field **C.char, name, value string, absent bool) {
		if absent && value != "" && err == nil {
			err = argumentError("%s is %q beside No%s", name, value, strings.TrimSuffix(name, "Column"))
		}
		if value != "" || absent {
			*field = text(&err, name, value, false)
			strung = append(strung, *field)
		}
	}
	set(&options.delimiter, "Delimiter", o.Delimiter, false)
	set(&options.user_column, "UserColumn", o.UserColumn, false)
	set(&options.item_column, "ItemColumn", o.ItemColumn, false)
	set(&options.timestamp_column, "TimestampColumn", o.TimestampColumn, o.NoTimestamp)
	set(&options.value_column, "ValueColumn", o.ValueColumn, o.NoValue)
	for i, name := range o.AttributeColumns {
		if err == nil && (name == "" || strings.Contains(name, ",")) {
			err = argumentError("AttributeColumns[%d] is %q, must be a name without a comma", i, name)
		}
	}
	set(&options.attribute_columns, "AttributeColumns", strings.Join(o.AttributeColumns, ","), false)
	set(&options.attribute_separator, "AttributeSeparator", o.AttributeSeparator,
		o.NoAttributeSeparator)
	if o.BadRowLimit < 0 && err == nil {
		err = argumentError("BadRowLimit is %d, must not be negative", o.BadRowLimit)
	}
	options.bad_row_limit = C.size_t(o.BadRowLimit)
	return options, func() {
		for _, text := range strung {
			freeText(text)
		}
	}, err
}

// TableReport is what a file held.
type TableReport struct {
	Rows         int    // added
	BadRows      int    // left out
	FirstBadLine uint64 // line of the first of them, from 1; 0 without
}

// Repeats says what to do with an item that a user took several times.
type Repeats int32

// The answers.
const (
	RepeatsKeep Repeats = C.S3REC_REPEATS_KEEP // keep all
	RepeatsRuns Repeats = C.S3REC_REPEATS_RUNS // of repeats behind one another keep the first
	RepeatsDrop Repeats = C.S3REC_REPEATS_DROP // keep the first of all
)

// EventsOptions say which events become a data set; zero values are the defaults. In this
// order: MinValue; Repeats; items that ItemNames does not have; the core (MinUserEvents,
// MinItemEvents) again and again until nothing more goes; MaxLength; MinLength.
type EventsOptions struct {
	MinValue      *float64 // events below are left out, and those without a value
	Repeats       Repeats
	MinUserEvents int // users with fewer events go
	MinItemEvents int // items with fewer events go
	MaxLength     int // keep the newest so many events of a user; 0: all
	MinLength     int // users with fewer events at the end go
	// ItemNames and AttributeNames number items and attributes as in a model that exists; others
	// are left out. AttributeNames needs ItemNames.
	ItemNames      *Vocabulary
	AttributeNames *Vocabulary
}

// fill is the C form of options, vocabularies aside.
func (o *EventsOptions) fill() (options C.s3rec_events_options, err error) {
	C.s3rec_events_options_init(&options)
	setDouble(&options.min_value, o.MinValue)
	options.repeats = C.s3rec_repeats(o.Repeats)
	set := func(field *C.int32_t, name string, value int) {
		if value != 0 {
			*field = narrow(&err, name, value)
		}
	}
	set(&options.min_user_events, "MinUserEvents", o.MinUserEvents)
	set(&options.min_item_events, "MinItemEvents", o.MinItemEvents)
	set(&options.max_length, "MaxLength", o.MaxLength)
	set(&options.min_length, "MinLength", o.MinLength)
	return options, err
}

// EventsReport is what became of the events.
type EventsReport struct {
	Events          int // of the table
	LowValue        int // left out by MinValue
	Repeats         int // left out by Repeats
	Unknown         int // of items that ItemNames does not have
	Core            int // left out by the core
	Cut             int // left out by MaxLength
	Short           int // left out by MinLength
	Kept            int // in the data set
	AttributedItems int // items of the data set with attributes
}

// Events is a growing table of who took what and when, and of items' attributes, with ids of
// any kind, from files and slices in any mixture. A call that fails adds nothing. Calls from
// several goroutines wait for each other.
type Events struct{ h *handle }

// NewEvents makes an empty table.
func NewEvents(c *Context) (events *Events, err error) {
	err = withContext(c, func(context *C.s3rec_context, root *root) error {
		var made *C.s3rec_events
		err := failure(func() status { return C.s3rec_events_create(context, &made) })
		if err == nil {
			events = &Events{newHandle("events", unsafe.Pointer(made), root,
				func(pointer unsafe.Pointer) { C.s3rec_events_destroy((*C.s3rec_events)(pointer)) })}
		}
		return err
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
	return e.read(path, options, false)
}

// ReadAttributes adds attributes of items from a table with one or more rows an item, under
// the same rules.
func (e *Events) ReadAttributes(path string, options *TableOptions) (TableReport, error) {
	return e.read(path, options, true)
}

func (e *Events) read(path string, options *TableOptions, attributes bool) (
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
		C.s3rec_table_report_init(&read)
		err := failure(func() status {
			if attributes {
				return C.s3rec_events_read_attributes(events, name, filled, &read)
			}
			return C.s3rec_events_read(events, name, filled, &read)
		})
		report = TableReport{int(read.row_count), int(read.bad_row_count),
			uint64(read.first_bad_line)}
		return err
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
		return failure(func() status {
			return C.s3go_events_append(events, C.size_t(count), int64s(users.integers),
				chars(users.text), int64s(users.offsets), int64s(items.integers), chars(items.text),
				int64s(items.offsets), int64s(columns.Timestamps), doubles(columns.Values))
		})
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
		return failure(func() status {
			return C.s3go_events_append_attributes(events, C.size_t(items.Len()),
				int64s(of.integers), chars(of.text), int64s(of.offsets), int64s(has.integers),
				chars(has.text), int64s(has.offsets))
		})
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
		C.s3rec_events_report_init(&counts)
		var made *C.s3rec_dataset
		err := failure(func() status {
			return C.s3rec_events_dataset(events, &filled, &made, &counts)
		})
		if err != nil {
			return err
		}
		data = newDataset(made, e.h.root)
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
