// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge_names.h"
import "C"

import "strings"

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
