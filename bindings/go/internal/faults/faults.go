// SPDX-License-Identifier: Apache-2.0

// Package faults makes memory fail where the process has tests/faults/interposer.c of the C
// library's sources preloaded, for the tests of s3rec.
package faults

// #cgo LDFLAGS: -ldl
// #define _GNU_SOURCE
// #include <dlfcn.h>
// #include <string.h>
//
// typedef struct controls {
//   void (*memory)(int mode, long at, unsigned long seed);
//   void (*arm)(int armed);
//   void (*counts)(long *requests, long *hits, long *live);
// } controls;
//
// static controls found;
//
// static int find(void *function, const char *name) {
//   void *const address = dlsym(RTLD_DEFAULT, name);
//   memcpy(function, &address, sizeof address);
//   return address != NULL;
// }
//
// static int find_all(void) {
//   return find(&found.memory, "s3_fault_memory") && find(&found.arm, "s3_fault_arm") &&
//          find(&found.counts, "s3_fault_counts");
// }
//
// static void set(int mode, long at, unsigned long seed) { found.memory(mode, at, seed); }
// static void arm(int armed) { found.arm(armed); }
// static void counts(long *requests, long *hits, long *live) { found.counts(requests, hits, live); }
import "C"

// Mode says which requests for memory fail.
type Mode int

// The modes; their numbers are those of tests/faults/control.h.
const (
	None   Mode = 0
	Once   Mode = 1 // the one with the number at, from 1
	From   Mode = 2 // that one and all that follow
	Chance Mode = 3 // each with the chance 1 / at, drawn by its number and the seed
)

// Find is false when the interposer is not loaded; then nothing else may be called.
func Find() bool { return C.find_all() != 0 }

// Set says what fails, and counts from 0 on.
func Set(mode Mode, at int, seed uint64) { C.set(C.int(mode), C.long(at), C.ulong(seed)) }

// Arm lets memory fail.
func Arm() { C.arm(1) }

// Disarm ends that.
func Disarm() { C.arm(0) }

// Counts gives how many requests there were, how many of them failed, and how many blocks of the
// process are in use.
func Counts() (requests, hits, live int) {
	var counted, failed, used C.long
	C.counts(&counted, &failed, &used)
	return int(counted), int(failed), int(used)
}
