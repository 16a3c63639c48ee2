// All that a connector's author includes: header-only C++17 above the plain C of sdk/abi.h, without dependencies.
//
// A connector is a class with a manifest and a constructor, and of `check`, `discover`, `plan`, `read` and `write` the members it has a
// use for (see sdk/connector.hpp for their signatures); SWITCHGEAR_CONNECTOR(Class) makes the shared library's two exports of it.
// One object serves one session: its members are called by one thread at a time, other objects meanwhile by other threads.
// Members report errors by throwing; sdk::Error says what kind of thing failed, any other exception is a fault of the connector.
#pragma once

#include "switchgear/sdk/abi.h"
#include "switchgear/sdk/batch.hpp"
#include "switchgear/sdk/call.hpp"
#include "switchgear/sdk/config.hpp"
#include "switchgear/sdk/connector.hpp"
#include "switchgear/sdk/entity.hpp"
#include "switchgear/sdk/error.hpp"
#include "switchgear/sdk/page.hpp"
#include "switchgear/sdk/reply.hpp"
#include "switchgear/sdk/request.hpp"
