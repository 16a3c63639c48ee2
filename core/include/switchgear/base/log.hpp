// What the core says about its work. The core never prints: lines go to one sink of the process.
//
// The sink is called on whatever thread has something to say and must not block; the bindings install one that only queues, because
// core threads never take the GIL. Without a sink lines are dropped. Setting and calling are thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace switchgear {

enum class LogLevel : int { debug = 0, info = 1, warning = 2, error = 3 };

using LogSink = std::function<void(LogLevel level, std::string_view component, std::string_view message)>;

void set_log_sink(LogSink sink);
void log(LogLevel level, std::string_view component, std::string_view message) noexcept;

}  // namespace switchgear
