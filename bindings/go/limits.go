// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

// Limits says how much a file may make the library read and allocate. What a file holds is refused
// with ErrLimit before the memory for it is taken. Zero fields are the defaults, which are far above
// what real data needs. Slices of the caller are not limited.
type Limits struct {
	FileBytes   int64 // of one file, after decompression; default 1 << 40, strict 1 << 30
	RowBytes    int64 // of one row of a table; default 1 << 24, strict 1 << 16
	Rows        int64 // of one table, or lines of one text; default 1 << 40, strict 1 << 22
	Items       int64 // highest item id, and items of a table; default 1<<31 - 2, strict 1 << 20
	Tensors     int64 // of one model file; default 1 << 20, strict 1 << 12
	HeaderBytes int64 // of one model file; default and most 100,000,000, strict 1 << 22
	JSONDepth   int   // nesting of JSON, 1..512; default 64, strict 16
	Expansion   int   // bytes that one compressed byte may become; default 1100, strict 100
	IDSpread    int   // highest id of a text file for each different id; default 1000, strict 10
}

// StrictLimits gives limits for files of unknown origin.
func StrictLimits() Limits {
	var strict C.s3rec_limits
	C.s3rec_limits_init_strict(&strict)
	return Limits{
		FileBytes: int64(strict.file_bytes), RowBytes: int64(strict.row_bytes),
		Rows: int64(strict.rows), Items: int64(strict.items), Tensors: int64(strict.tensors),
		HeaderBytes: int64(strict.header_bytes), JSONDepth: int(strict.json_depth),
		Expansion: int(strict.expansion), IDSpread: int(strict.id_spread),
	}
}

// filled gives the limits as C takes them.
func (l *Limits) filled() (limits C.s3rec_limits, err error) {
	C.s3rec_limits_init(&limits)
	for _, field := range []struct {
		name   string
		value  int64
		target *C.uint64_t
	}{
		{"FileBytes", l.FileBytes, &limits.file_bytes},
		{"RowBytes", l.RowBytes, &limits.row_bytes},
		{"Rows", l.Rows, &limits.rows},
		{"Items", l.Items, &limits.items},
		{"Tensors", l.Tensors, &limits.tensors},
		{"HeaderBytes", l.HeaderBytes, &limits.header_bytes},
	} {
		if field.value < 0 {
			return limits, argumentError("Limits.%s is %d, must not be negative", field.name,
				field.value)
		}
		if field.value > 0 {
			*field.target = C.uint64_t(field.value)
		}
	}
	for _, field := range []struct {
		name   string
		value  int
		target *C.int32_t
	}{
		{"Limits.JSONDepth", l.JSONDepth, &limits.json_depth},
		{"Limits.Expansion", l.Expansion, &limits.expansion},
		{"Limits.IDSpread", l.IDSpread, &limits.id_spread},
	} {
		if value := narrow(&err, field.name, field.value); value != 0 {
			*field.target = value
		}
	}
	return limits, err
}
