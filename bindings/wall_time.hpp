// Instants across the language border: a WallTime is a datetime in UTC, and seconds since 1970 on the way back.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <optional>

#include "switchgear/base/clock.hpp"

namespace switchgear::bindings {

inline pybind11::object to_datetime(WallTime time) {
  const pybind11::module_ datetime = pybind11::module_::import("datetime");
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  const pybind11::object epoch = datetime.attr("datetime").attr("fromtimestamp")(0, datetime.attr("timezone").attr("utc"));
  return epoch + datetime.attr("timedelta")(0, 0, micros);
}

inline pybind11::object to_datetime(const std::optional<WallTime>& time) { return time ? to_datetime(*time) : pybind11::none(); }

inline WallTime from_seconds(double seconds) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::duration<double>(seconds)));
}

inline std::chrono::microseconds microseconds_of(double seconds) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::duration<double>(seconds));
}

}  // namespace switchgear::bindings
