// SPDX-License-Identifier: GPL-2.0-or-later
/// The whole program in-process, against the fake hostd on a bus of its own.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "hostd/cli/command.h"
#include "tests/unit/cli/fake_host1.h"

namespace bulkhead::cli {

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

/// Runs `bulkhead WORDS...`; `adjust` sets how the surroundings look (a terminal, descriptors).
Outcome RunCli(const std::vector<std::string>& words, const std::string& bus,
               const std::function<void(Surroundings&)>& adjust = {});

/// One bus and one fake for all tests of the process, reset before each.
class CliTest : public testing::Test {
 protected:
  void SetUp() override;
  Outcome Cli(const std::vector<std::string>& words,
              const std::function<void(Surroundings&)>& adjust = {});
  static FakeHost1& Fake();
  /// The calls that the fake got, without the reads that every command makes.
  static std::vector<std::string> Calls();
};

/// The file tests/unit/cli/golden/NAME; with BULKHEAD_UPDATE_GOLDEN set, `actual` becomes it.
std::string Golden(const std::string& name, const std::string& actual);

}  // namespace bulkhead::cli
