// Arrow's PyCapsule interface (Apache Arrow, "The Arrow PyCapsule Interface") and plain Python values out of columns.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/typing.h>

#include <vector>

#include "switchgear/data/arrow_abi.hpp"
#include "switchgear/data/record_batch.hpp"

namespace switchgear::bindings {

pybind11::capsule schema_capsule(const SharedArrowSchema& schema);

/// (schema capsule, array capsule)
pybind11::typing::Tuple<pybind11::capsule, pybind11::capsule> array_capsules(const RecordBatch& batch);

/// Takes over `stream`.
pybind11::capsule stream_capsule(::ArrowArrayStream stream);

/// The pages of a listing, all with the columns of the widest.
struct RecordBatches {
  SharedArrowSchema schema;
  std::vector<RecordBatch> batches;
};

/// A list with a dict for each record.
pybind11::typing::List<pybind11::typing::Dict<pybind11::str, pybind11::object>> to_pylist(const RecordBatch& batch);

}  // namespace switchgear::bindings
