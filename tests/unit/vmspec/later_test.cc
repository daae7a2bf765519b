// SPDX-License-Identifier: GPL-2.0-or-later
/// What the language has and this version does not carry out: the checker warns, hostd refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmspec/spec_sets.h"
#include "vmspec/codes.h"

namespace bulkhead::vmspec {
namespace {

using testing::HasSubstr;

/// The only diagnostic, a warning of B0115.
std::string OnlyWarning(const SpecFiles& files) {
  CheckedSpec checked = CheckSpec(files);
  EXPECT_TRUE(checked.ok()) << Explain(files);
  EXPECT_EQ(checked.diagnostics.size(), 1U) << Explain(files);
  if (checked.diagnostics.size() != 1) return {};
  EXPECT_TRUE(checked.diagnostics[0].warning);
  EXPECT_EQ(checked.diagnostics[0].code, codes::kNotYet);
  return checked.diagnostics[0].message;
}

TEST(Later, AWordThatIsForLaterIsNamedWithItsKey) {
  EXPECT_EQ(OnlyWarning(Changed("flows.toml", "\"transfer\"", "\"decrypt\"")),
            "this version of Bulkhead does not carry out kind = \"decrypt\"");
}

TEST(Later, AHostNameInARuleIsForLater) {
  EXPECT_THAT(OnlyWarning(Changed("levels/low.toml", "192.0.2.1", "mail.example")),
              HasSubstr("host names"));
}

TEST(Later, AKeyThatSaysTheDefaultIsNoWarning) {
  SpecFiles files = Added("levels/low.toml", "[devices]\ncamera = \"none\"\n");
  EXPECT_TRUE(CheckSpec(files).diagnostics.empty()) << Explain(files);
}

TEST(Later, AKeyThatSaysMoreIsNamed) {
  EXPECT_EQ(OnlyWarning(Added("levels/low.toml", "[devices]\ncamera = \"manual\"\n")),
            "this version of Bulkhead does not carry out \"camera\"");
}

}  // namespace
}  // namespace bulkhead::vmspec
