// Real exchanges kept in a file, to be replayed where the real system is not at hand: in a plugin's tests, in a bug report.
//
// The file has one JSON object a line (`request`, then `response` or `error`), so that people can read, diff and edit it. No secret gets
// into it: credentials in headers, in query parameters and in JSON or form fields go by their name, and every value that the Redactor knows
// goes wherever it stands. Both are Transports: any thread; what record() passes on is what the real transport returned or threw.
#pragma once

#include <memory>
#include <string>

#include "switchgear/base/secret.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {

class RecordedTransport : public Transport {
 public:
  /// Sends through `real` and appends what happened to `path`, which is begun anew. A cancelled request is not recorded. Throws
  /// Error(config) when the file cannot be written.
  static std::unique_ptr<RecordedTransport> record(std::string path, std::shared_ptr<Transport> real,
                                                   std::shared_ptr<const Redactor> redactor);

  /// Answers from the file. A request is matched by method, URL and body, after the same redaction; of several like ones the first comes
  /// first, each once. One that was not recorded throws Error(config.recording), which names the nearest one that was. Throws
  /// Error(config.recording) also for a file that cannot be read, with the line.
  static std::unique_ptr<RecordedTransport> replay(const std::string& path, std::shared_ptr<const Redactor> redactor = nullptr);
};

}  // namespace switchgear
