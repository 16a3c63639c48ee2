#include "arrow.hpp"

#include <datetime.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "switchgear/base/error.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

/// A capsule that owns a structure and releases it unless a consumer has moved it out.
template <class Arrow>
py::capsule owning_capsule(const Arrow& structure, const char* name) {
  auto held = std::make_unique<Arrow>(structure);
  PyObject* capsule = PyCapsule_New(held.get(), name, [](PyObject* self) {
    auto* owned = static_cast<Arrow*>(PyCapsule_GetPointer(self, PyCapsule_GetName(self)));
    if (owned->release != nullptr) owned->release(owned);
    delete owned;
  });
  if (capsule == nullptr) throw py::error_already_set();
  held.release();
  return py::reinterpret_steal<py::capsule>(capsule);
}

// ---- values ---------------------------------------------------------------------------------------------------------

py::object steal(PyObject* object) {
  if (object == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

struct CivilDate {
  int year, month, day;
};

/// The inverse of "days_from_civil" (H. Hinnant).
CivilDate civil_from_days(std::int64_t days) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t day_of_era = days - era * 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const std::int64_t month = shifted_month + (shifted_month < 10 ? 3 : -9);
  return {static_cast<int>(year_of_era + era * 400 + (month <= 2 ? 1 : 0)), static_cast<int>(month),
          static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1)};
}

struct TimeOfDay {
  int hour, minute, second, microsecond;
};

TimeOfDay time_of_day(std::int64_t us) {
  const std::int64_t seconds = us / 1'000'000;
  return {static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60),
          static_cast<int>(us % 1'000'000)};
}

py::object to_date(std::int32_t days) {
  const CivilDate date = civil_from_days(days);
  return steal(PyDate_FromDate(date.year, date.month, date.day));
}

py::object to_time(std::int64_t us) {
  const TimeOfDay time = time_of_day(us);
  return steal(PyTime_FromTime(time.hour, time.minute, time.second, time.microsecond));
}

py::object to_datetime(std::int64_t us, bool utc) {
  constexpr std::int64_t day = 86'400'000'000;
  const std::int64_t days = us >= 0 ? us / day : -((day - 1 - us) / day);
  const CivilDate date = civil_from_days(days);
  const TimeOfDay time = time_of_day(us - days * day);
  PyObject* zone = utc ? PyDateTime_TimeZone_UTC : Py_None;
  return steal(PyDateTimeAPI->DateTime_FromDateAndTime(date.year, date.month, date.day, time.hour, time.minute, time.second,
                                                       time.microsecond, zone, PyDateTimeAPI->DateTimeType));
}

/// 128 bits, little-endian, to a Decimal with exactly `scale` digits behind the point.
py::object to_decimal(const std::int64_t* halves, int scale) {
  const py::object low = py::int_(static_cast<std::uint64_t>(halves[0]));
  const py::object unscaled = (py::int_(halves[1]) << py::int_(64)) + low;
  // Built from its digits: arithmetic on Decimals would round to the context's precision.
  const bool negative = halves[1] < 0;
  std::string digits = py::str(negative ? -unscaled : unscaled);
  return py::module_::import("decimal").attr("Decimal")((negative ? "-" : "") + digits + "E-" + std::to_string(scale));
}

bool is_set(const std::uint8_t* bits, std::int64_t index) { return (bits[index / 8] >> static_cast<unsigned>(index % 8) & 1U) != 0; }

class Column {
 public:
  Column(const ::ArrowArray& array, const Field& field) : array_(array), field_(field) {
    for (std::int64_t i = 0; i < array.n_children; ++i)
      children_.emplace_back(*array.children[i], field.children[static_cast<std::size_t>(i)]);
  }

  const std::string& name() const { return field_.name; }

  py::object at(std::int64_t row) const {
    row += array_.offset;
    const auto* validity = buffer<std::uint8_t>(0);
    if (validity != nullptr && !is_set(validity, row)) return py::none();
    switch (field_.type) {
      case DataType::boolean:
        return py::bool_(is_set(buffer<std::uint8_t>(1), row));
      case DataType::int64:
        return py::int_(buffer<std::int64_t>(1)[row]);
      case DataType::uint64:
        return py::int_(buffer<std::uint64_t>(1)[row]);
      case DataType::float64:
        return py::float_(buffer<double>(1)[row]);
      case DataType::utf8:
      case DataType::json:
        return py::str(text(row).data(), text(row).size());
      case DataType::binary:
        return py::bytes(text(row).data(), text(row).size());
      case DataType::date:
        return to_date(buffer<std::int32_t>(1)[row]);
      case DataType::time:
        return to_time(buffer<std::int64_t>(1)[row]);
      case DataType::timestamp:
        return to_datetime(buffer<std::int64_t>(1)[row], field_.utc);
      case DataType::decimal:
        return to_decimal(buffer<std::int64_t>(1) + 2 * row, field_.scale);
      case DataType::structure:
        return record(row);
      case DataType::list: {
        const auto* offsets = buffer<std::int32_t>(1);
        py::list items;
        for (auto i = offsets[row]; i < offsets[row + 1]; ++i) items.append(children_.front().at(i));
        return items;
      }
    }
    return py::none();
  }

  py::dict record(std::int64_t row) const {
    py::dict members;
    for (const Column& child : children_) members[py::str(child.name())] = child.at(row);
    return members;
  }

 private:
  template <class T>
  const T* buffer(int index) const {
    return static_cast<const T*>(array_.buffers[index]);
  }

  std::string_view text(std::int64_t row) const {
    const auto* offsets = buffer<std::int32_t>(1);
    return {buffer<char>(2) + offsets[row], static_cast<std::size_t>(offsets[row + 1] - offsets[row])};
  }

  const ::ArrowArray& array_;
  const Field& field_;
  std::vector<Column> children_;
};

void import_datetime() {
  if (PyDateTimeAPI == nullptr) PyDateTime_IMPORT;
  if (PyDateTimeAPI == nullptr) throw py::error_already_set();
}

}  // namespace

py::capsule schema_capsule(const SharedArrowSchema& schema) {
  ::ArrowSchema out{};
  share(schema, &out);
  return owning_capsule(out, "arrow_schema");
}

py::typing::Tuple<py::capsule, py::capsule> array_capsules(const RecordBatch& batch) {
  ::ArrowArray out{};
  share(batch.array(), &out);
  return py::make_tuple(schema_capsule(batch.schema()), owning_capsule(out, "arrow_array"));
}

py::capsule stream_capsule(::ArrowArrayStream stream) { return owning_capsule(stream, "arrow_array_stream"); }

py::typing::List<py::typing::Dict<py::str, py::object>> to_pylist(const RecordBatch& batch) {
  import_datetime();
  Field root;
  root.type = DataType::structure;
  root.children = from_arrow_schema(*batch.schema()).fields;
  const Column records(*batch.array(), root);
  py::list rows(static_cast<std::size_t>(batch.length()));
  const std::int64_t offset = batch.array()->offset;
  for (std::int64_t row = 0; row < batch.length(); ++row) rows[static_cast<std::size_t>(row)] = records.record(offset + row);
  return py::typing::List<py::typing::Dict<py::str, py::object>>(rows);
}

}  // namespace switchgear::bindings
