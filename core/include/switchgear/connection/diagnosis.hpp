// Why a connection is not well: what its errors have in common, the likely cause, what speaks for it, and what to do next.
//
// diagnose() looks at what was met lately; where that says too little, because nothing was met or only one entity was ever asked for, it
// checks the source and reads one record of each entity. conclude() is the judgement alone: a pure function of what was found. The causes
// and next steps are a table (diagnosis_rules.cpp). Any thread. What the source did wrong is in the result; thrown is only
// Error(cancelled), and Error(unsupported, "fork") in a fork.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/connection/error_log.hpp"
#include "switchgear/connection/probe.hpp"
#include "switchgear/connection/status.hpp"

namespace switchgear {

/// What is hit: everything, some entities whatever is done with them, one thing that is done with them, or nothing.
enum class DiagnosisScope : std::uint8_t { none, connection, entity, operation };

std::string_view to_string(DiagnosisScope scope) noexcept;

struct Diagnosis {
  std::string connection_id;
  DiagnosisScope scope = DiagnosisScope::none;
  std::vector<LoggedError> affected;    ///< what stands, the likely cause first
  std::string code;                     ///< of the likely cause; "": nothing is wrong
  std::string cause;                    ///< a sentence
  std::vector<std::string> evidence;    ///< sentences: counts, first and last seen, what still works
  std::vector<std::string> next_steps;  ///< what to do, in this order
  std::optional<Health> probe;          ///< where the source was checked for this
  ConnectionStatus status;
};

/// All that a diagnosis is concluded from.
struct Findings {
  std::string connection_id;
  std::string place;  ///< host:port of the source; "" where it has none
  std::vector<LoggedError> errors;
  std::vector<OperationSuccess> successes;
  std::optional<Error> held;  ///< it is paused or disconnected
  std::optional<Health> probe;
  ConnectionStatus status;
  WallTime now;
};

struct DiagnoseOptions {
  std::chrono::seconds recent = std::chrono::hours(24);  ///< older errors say nothing about now
  std::optional<bool> probe;                             ///< unset: where the errors say too little
  CheckOptions check;
};

Diagnosis conclude(const Findings& findings);

Diagnosis diagnose(const std::shared_ptr<Connection>& connection, const DiagnoseOptions& options = {}, std::stop_token stop = {});

}  // namespace switchgear
