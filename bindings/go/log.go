// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include <stdint.h>
import "C"

import "runtime/cgo"

// s3goLog hands a line of the library to the function of a Context. A panic may not unwind
// the library's frames: it is raised where nobody recovers it.
//
//export s3goLog
func s3goLog(level C.int32_t, message *C.char, log C.uintptr_t) {
	defer func() {
		if cause := recover(); cause != nil {
			go func() { panic(cause) }()
			select {}
		}
	}()
	cgo.Handle(log).Value().(func(LogLevel, string))(LogLevel(level), C.GoString(message))
}
