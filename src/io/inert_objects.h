#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/pickle_value.h"

/// What the objects of well-known libraries hold, told by their form.
namespace coppice::io {

/// The attributes of a `torch.nn.Module`, whatever its class; null if it is
/// none. `value` is the state of an object.
const PickleDict* module_attributes(const PickleValue& value);

/// Why the parameters of a module are no weights: "an embedding"; empty if they
/// may be.
std::string why_no_weights(const PickleInert& module);

bool is_optimizer(const PickleInert& object);

/// Whether torch makes a tensor of it, of a kind that has no reader here.
bool is_tensor_function(const PickleInert& object);

bool is_numpy_array(const PickleInert& object);
/// An array of numbers, over bytes of the pickle; nullopt if it holds others.
std::optional<PickleTensor> tensor_of_array(const PickleInert& array);
/// The items of an array of objects; null if it is none.
const std::vector<PickleValue>* objects_of_array(const PickleInert& array);

} // namespace coppice::io
