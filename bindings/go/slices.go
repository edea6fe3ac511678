// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import "unsafe"

// Addresses of slices for C, nil when they are empty. Their elements have no pointers, so
// that cgo lets them pass from inside any Go object.

func int32s(values []int32) *C.int32_t {
	if len(values) == 0 {
		return nil
	}
	return (*C.int32_t)(unsafe.Pointer(&values[0]))
}

func int64s(values []int64) *C.int64_t {
	if len(values) == 0 {
		return nil
	}
	return (*C.int64_t)(unsafe.Pointer(&values[0]))
}

func uint8s(values []uint8) *C.uint8_t {
	if len(values) == 0 {
		return nil
	}
	return (*C.uint8_t)(unsafe.Pointer(&values[0]))
}

func chars(values []byte) *C.char {
	if len(values) == 0 {
		return nil
	}
	return (*C.char)(unsafe.Pointer(&values[0]))
}

func floats(values []float32) *C.float {
	if len(values) == 0 {
		return nil
	}
	return (*C.float)(unsafe.Pointer(&values[0]))
}

func doubles(values []float64) *C.double {
	if len(values) == 0 {
		return nil
	}
	return (*C.double)(unsafe.Pointer(&values[0]))
}

func sizes(values []uintptr) *C.size_t {
	if len(values) == 0 {
		return nil
	}
	return (*C.size_t)(unsafe.Pointer(&values[0]))
}

// appendBorrowed copies memory of the library to the end of a slice.
func appendBorrowed(values []int32, result C.s3go_result) []int32 {
	if result.count == 0 {
		return values
	}
	return append(values, unsafe.Slice((*int32)(result.handle), int(result.count))...)
}

// grown is a slice with the length asked for, whatever it holds.
func grown[T any](values []T, length int) []T {
	if cap(values) < length {
		return make([]T, length)
	}
	return values[:length]
}

// flatten puts rows behind one another: row r is values[offsets[r]:offsets[r+1]].
func flatten(values []int32, offsets []int64, rows [][]int32) ([]int32, []int64) {
	values, offsets = values[:0], append(offsets[:0], 0)
	for _, row := range rows {
		values = append(values, row...)
		offsets = append(offsets, int64(len(values)))
	}
	return values, offsets
}
