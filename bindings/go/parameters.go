// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

// Parameter is the name and shape of one array of the weights.
type Parameter struct {
	Name  string // as in PyTorch
	Shape []int  // one or two sizes, row-major
}

// Len is the number of values.
func (p Parameter) Len() int {
	length := 1
	for _, size := range p.Shape {
		length *= size
	}
	return length
}

// Matrix holds rows of equal length, one after the other.
type Matrix struct {
	Rows, Columns int
	Values        []float32 // [Rows * Columns]
}

// Row is row i; it shares the matrix's memory.
func (m Matrix) Row(i int) []float32 { return m.Values[i*m.Columns : (i+1)*m.Columns] }

func parameterInfo(model *C.s3rec_model, index C.size_t) (Parameter, error) {
	var info C.s3rec_parameter_info
	C.s3rec_parameter_info_init(&info)
	err := failure(func() status { return C.s3rec_model_parameter_info(model, index, &info) })
	parameter := Parameter{Name: C.GoString(info.name)}
	for i := 0; i < int(info.rank); i++ {
		parameter.Shape = append(parameter.Shape, int(info.shape[i]))
	}
	return parameter, err
}

// Parameters lists the model's parameters in the order of the authors' implementation.
func (m *Model) Parameters() (parameters []Parameter, err error) {
	err = m.read(func(model *C.s3rec_model) error {
		count := C.s3rec_model_parameter_count(model)
		for i := C.size_t(0); i < count; i++ {
			parameter, err := parameterInfo(model, i)
			if err != nil {
				return err
			}
			parameters = append(parameters, parameter)
		}
		return nil
	})
	return parameters, err
}

func findParameter(model *C.s3rec_model, name string) (Parameter, error) {
	count := C.s3rec_model_parameter_count(model)
	for i := C.size_t(0); i < count; i++ {
		parameter, err := parameterInfo(model, i)
		if err != nil || parameter.Name == name {
			return parameter, err
		}
	}
	return Parameter{}, &Error{ErrNotFound, "the model has no parameter " + name}
}

// ReadParameter gives a copy of a parameter's values. Errors: ErrNotFound, ErrArgument.
func (m *Model) ReadParameter(name string) (values []float32, err error) {
	matrix, err := m.readMatrix(name)
	return matrix.Values, err
}

func (m *Model) readMatrix(name string) (matrix Matrix, err error) {
	wanted := text(&err, "name", name, false)
	defer freeText(wanted)
	if err != nil {
		return matrix, err
	}
	err = m.read(func(model *C.s3rec_model) error {
		parameter, err := findParameter(model, name)
		if err != nil {
			return err
		}
		values := make([]float32, parameter.Len())
		err = failure(func() status {
			return C.s3rec_model_parameter_read(model, wanted, floats(values),
				C.size_t(len(values)))
		})
		if err == nil {
			matrix = Matrix{parameter.Shape[0], len(values) / parameter.Shape[0], values}
		}
		return err
	})
	return matrix, err
}

// WriteParameter replaces a parameter. Errors: ErrArgument (another number of values),
// ErrNotFound; ErrNumeric (a value is NaN or infinite; nothing is written).
func (m *Model) WriteParameter(name string, values []float32) error {
	return withText("name", name, func(wanted *C.char) error {
		if len(values) == 0 {
			return argumentError("%s: no values", name)
		}
		return m.write(checked(func(model *C.s3rec_model) status {
			return C.s3rec_model_parameter_write(model, wanted, floats(values),
				C.size_t(len(values)))
		}))
	})
}

// ItemVectors gives a copy of the item table: row i is the vector of item i; row 0 is the
// padding, the last row the mask.
func (m *Model) ItemVectors() (Matrix, error) { return m.readMatrix("item_embeddings.weight") }
