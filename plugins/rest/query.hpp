// What of a read is asked of the source: filters, order, columns, changes, as parameters by the entity's description.
//
// Pure functions; any thread. Throw sdk::Error(unsupported | bad_request) for what the description has no words for: a condition that were
// left out would give more records than were asked for, silently.
#pragma once

#include <string>
#include <vector>

#include "description.hpp"
#include "switchgear/sdk/entity.hpp"

namespace switchgear::rest {

struct Parameter {
  std::string name;
  std::string text;
  std::string json;  ///< as a value in a JSON body: numbers stay numbers
};

using Parameters = std::vector<Parameter>;

/// A parameter of text.
Parameter text_parameter(std::string name, std::string text);

/// One whose digits are a number in a body.
Parameter number_parameter(std::string name, std::int64_t number);

Parameters query_parameters(const Entity& entity, const sdk::Position& at);

}  // namespace switchgear::rest
