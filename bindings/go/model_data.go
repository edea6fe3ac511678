// SPDX-License-Identifier: Apache-2.0

package s3rec

// NewModelFor makes a model for a data set, from which it takes the sizes that options leave
// at 0 and the names. Errors: those of NewModel.
func NewModelFor(c *Context, data *Dataset, options ModelOptions) (*Model, error) {
	info, err := data.Info()
	if err != nil {
		return nil, err
	}
	if options.ItemSize == 0 {
		options.ItemSize = info.ItemSize
	}
	if options.AttributeSize == 0 {
		options.AttributeSize = info.AttributeSize
	}
	model, err := NewModel(c, options)
	if err != nil {
		return nil, err
	}
	if err := model.takeNames(data, options, info); err != nil {
		model.Close()
		return nil, err
	}
	return model, nil
}

// takeNames names what the data set has names for, where the sizes are its.
func (m *Model) takeNames(data *Dataset, options ModelOptions, info DatasetInfo) error {
	var items, attributes *Vocabulary
	var err error
	if options.ItemSize == info.ItemSize {
		if items, err = data.ItemNames(); err != nil {
			return err
		}
		defer items.Close()
	}
	if options.AttributeSize == info.AttributeSize {
		if attributes, err = data.AttributeNames(); err != nil {
			return err
		}
		defer attributes.Close()
	}
	if items == nil && attributes == nil {
		return nil
	}
	return m.SetNames(items, attributes)
}
