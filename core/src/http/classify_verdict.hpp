// What classify() and classify_item() share: from a verdict to an Error.
#pragma once

#include "error_body.hpp"
#include "source_codes.hpp"
#include "switchgear/http/classify.hpp"

namespace switchgear {

/// By the inner code alone, for a reply whose status is a success.
Verdict verdict_of_envelope(const SourceError& said);

/// `status` 0: none was given.
Error make_error(const Verdict& verdict, const HttpRequest& request, int status, const SourceError& said, const ClassifyContext& context);

void set_retryable(Error& error, const HttpRequest& request);

}  // namespace switchgear
