// SPDX-License-Identifier: GPL-2.0-or-later
/// Who has which role, and what it lets them do.
#include <glib.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "hostd/roles/access.h"
#include "hostd/roles/role_desk.h"
#include "hostd/spec/meaning.h"
#include "tests/unit/hostd/spec_desk_fixture.h"

namespace bulkhead::hostd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Caller Who(uid_t uid, std::set<std::string> roles) {
  return {uid, "uid:" + std::to_string(uid), std::move(roles)};
}

vmspec::SpecSet TwoLevels() {
  vmspec::SpecSet spec;
  for (const char* name : {"low", "high"}) spec.levels[name].name = name;
  spec.levels["high"].roles = {{"chief"}, {"chief", "user"}, {"chief"}};
  return spec;
}

TEST(Roles, ComeFromGroupsAndNames) {
  vmspec::Host host;
  EXPECT_THAT(RolesOf(host, 1000, {"ann", {"bulkhead-user", "staff"}}), ElementsAre("user"));
  EXPECT_THAT(RolesOf(host, 1000, {"ann", {"bulkhead-admin", "bulkhead-audit"}}),
              ElementsAre("admin", "audit"));
  EXPECT_THAT(RolesOf(host, 1000, {"ann", {"user", "admin", "root"}}), IsEmpty());
  host.roles["chief"] = {"chief", {"officers"}, {"bob"}, {}};
  host.roles["user"] = {"user", {"staff"}, {}, {}};
  EXPECT_THAT(RolesOf(host, 1001, {"bob", {}}), ElementsAre("chief"));
  EXPECT_THAT(RolesOf(host, 1000, {"ann", {"officers", "staff"}}), ElementsAre("chief", "user"));
  EXPECT_THAT(RolesOf(host, 1000, {"ann", {"bulkhead-user"}}), IsEmpty()) << "the set says staff";
}

TEST(Roles, RootIsUserAndAdminAndNeverAudit) {
  vmspec::Host host;
  host.roles["audit"] = {"audit", {"root"}, {"root"}, {}};
  EXPECT_THAT(RolesOf(host, 0, {"root", {"root"}}), ElementsAre("admin", "user"));
}

TEST(Roles, CannotBeHadByAUidWithoutAName) {
  vmspec::Host host;
  host.roles["chief"] = {"chief", {""}, {""}, {}};
  EXPECT_THAT(RolesOf(host, 4000, {}), IsEmpty());
}

TEST(Access, EveryMethodOfTheInterfaceIsInTheTable) {
  std::string xml = Slurp(BULKHEAD_SOURCE_ROOT "/hostd/org.bulkhead.Host1.xml");
  int methods = 0;
  for (auto at = xml.find("<method name=\""); at != std::string::npos;
       at = xml.find("<method name=\"", at + 1), ++methods) {
    std::string name = xml.substr(at + 14, xml.find('"', at + 14) - at - 14);
    EXPECT_NE(ActionOf(name), "call") << name;
    EXPECT_FALSE(MayCall(TwoLevels(), Who(1, {}), {name, "low"})) << name;
  }
  EXPECT_GT(methods, 15);
}

TEST(Access, CannotCallWhatIsNotInTheTable) {
  EXPECT_FALSE(MayCall(TwoLevels(), Who(0, {"user", "admin", "audit"}), {"Format", ""}));
}

TEST(Access, CannotDoAnythingWithoutARole) {
  auto may = MayCall(TwoLevels(), Who(1000, {}), {"ListLevels", ""});
  ASSERT_FALSE(may);
  EXPECT_EQ(may.error().code, ErrorCode::kRefused);
  EXPECT_THAT(may.error().message, HasSubstr("uid:1000 has no role"));
}

TEST(Access, EachMethodTakesItsRole) {
  auto spec = TwoLevels();
  struct Case {
    const char* method;
    const char* level;
    std::set<std::string> roles;
    bool may;
  };
  const Case cases[] = {
      {"ListLevels", "", {"audit"}, true},
      {"Services", "", {"chief"}, true},
      {"Start", "low", {"user"}, true},
      {"Start", "low", {"audit"}, false},
      {"Start", "high", {"user"}, false},
      {"Start", "high", {"admin"}, false},
      {"Start", "high", {"chief"}, true},
      {"Stop", "high", {"user"}, true},
      {"Restart", "high", {"user"}, false},
      {"Restart", "high", {"chief"}, true},
      {"LendDevice", "high", {"user"}, false},
      {"LendDevice", "low", {"user"}, true},
      {"ApplySpec", "", {"user"}, false},
      {"ApplySpec", "", {"admin"}, true},
      {"Rollback", "", {"user", "audit"}, false},
      {"AuditTail", "", {"user"}, false},
      {"AuditTail", "", {"audit"}, true},
      {"AuditVerify", "", {"admin"}, true},
      {"Run", "low", {"user"}, true},
      {"Run", "low", {"audit"}, false},
      {"OpenConsole", "low", {"user"}, false},
      {"OpenConsole", "low", {"admin"}, true},
      {"OpenConsole", "high", {"admin"}, false},
      {"Start", "absent", {"user"}, true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(MayCall(spec, Who(1, c.roles), {c.method, c.level}).has_value(), c.may)
        << c.method << " " << c.level << " " << SayRoles(c.roles);
  }
  EXPECT_FALSE(MayCall(spec, Who(1, {"user"}), {"Run", "low", true}));
  EXPECT_TRUE(MayCall(spec, Who(1, {"user", "admin"}), {"Run", "low", true}));
}

TEST(Access, TheRefusalNamesRoleAndLevel) {
  auto may = MayCall(TwoLevels(), Who(1000, {"user"}), {"Start", "high"});
  EXPECT_EQ(may.error().message,
            "to start level high takes the role chief; uid:1000 has the role user");
}

TEST(Access, CannotTakeADeviceFromALevelThatOneMayNotStart) {
  EXPECT_FALSE(MayLend(TwoLevels(), Who(1, {"user"}), "high"));
  EXPECT_TRUE(MayLend(TwoLevels(), Who(1, {"user"}), "low"));
  EXPECT_FALSE(MayLend(TwoLevels(), Who(1, {"user"}), "gone"));
}

// --- editing -------------------------------------------------------------------------------------

std::set<std::string> Touched(const std::function<void(vmspec::SpecSet&)>& change) {
  auto next = TwoLevels();
  change(next);
  return TouchedLevels(TwoLevels(), next);
}

TEST(Editing, ALevelIsTouchedByWhatItMeansAndNotByWhereItStands) {
  EXPECT_THAT(Touched([](auto& s) { s.levels["low"].origin.line = 9; }), IsEmpty());
  EXPECT_THAT(Touched([](auto& s) { s.levels["low"].memory_mib = 9; }), ElementsAre("low"));
  EXPECT_THAT(Touched([](auto& s) { s.levels["low"].roles.edit = {"user"}; }), ElementsAre("low"));
  EXPECT_THAT(Touched([](auto& s) { s.levels.erase("high"); }), ElementsAre("high"));
  EXPECT_THAT(Touched([](auto& s) { s.levels["mid"].name = "mid"; }), ElementsAre("mid"));
  EXPECT_THAT(Touched([](auto& s) { s.flows["up"] = {.name = "up", .from = "low", .to = "high"}; }),
              ElementsAre("high", "low"));
  EXPECT_THAT(Touched([](auto& s) { s.device_rules.push_back({.level = "high"}); }),
              ElementsAre("high"));
  EXPECT_THAT(Touched([](auto& s) { s.device_rules.push_back({.level = "*"}); }),
              ElementsAre("high", "low"));
}

TEST(Editing, CannotChangeALevelWithoutARoleOfItsPresentList) {
  auto next = TwoLevels();
  next.levels["high"].memory_mib = 9;
  next.levels["high"].roles.edit = {"admin"};  // what the new set says does not count
  auto may = MayEdit(TwoLevels(), next, Who(1, {"admin"}));
  ASSERT_FALSE(may);
  EXPECT_THAT(may.error().message, HasSubstr("level high, which takes the role chief"));
  EXPECT_TRUE(MayEdit(TwoLevels(), next, Who(1, {"admin", "chief"})));
  next = TwoLevels();
  next.levels.erase("high");
  EXPECT_FALSE(MayEdit(TwoLevels(), next, Who(1, {"admin"})));
  next = TwoLevels();
  next.levels["low"].memory_mib = 9;
  next.levels["new"].name = "new";
  EXPECT_TRUE(MayEdit(TwoLevels(), next, Who(1, {"admin"})));
}

TEST(Editing, CannotMakeOneselfEditorByChangingWhoHasTheRole) {
  auto now = TwoLevels();
  now.host.roles["chief"] = {"chief", {"officers"}, {}, {}};
  auto next = now;
  next.host.roles["chief"].users = {"mallory"};
  EXPECT_FALSE(MayEdit(now, next, Who(1, {"admin"})));
  // Nor by defining what was not there: the level names the role already.
  EXPECT_FALSE(MayEdit(TwoLevels(), next, Who(1, {"admin"})));
  EXPECT_TRUE(MayEdit(now, next, Who(1, {"admin", "chief"})));
}

TEST_F(SpecDeskFixture, CannotApplyWhatOnesRolesDoNotLetOneChange) {
  auto files = Files();
  ASSERT_TRUE(Apply(files));
  BeginHostd([](const vmspec::SpecFiles& f) {
    auto checked = vmspec::CheckSpec(f);
    checked.spec.levels.at("low").roles.edit = {"chief"};
    return checked;
  });
  auto refused = Apply(Files("Changed"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  EXPECT_THAT(Audit(), HasSubstr("which takes the role chief"));
  EXPECT_EQ(store_->Load()->version.number, 1u);
  EXPECT_TRUE(Apply(files)) << "what changes no level takes no edit role";
}

// --- the directory -------------------------------------------------------------------------------

class FakeDirectory : public UserDirectory {
 public:
  Result<Person> Find(uid_t uid) override {
    ++asked;
    while (hangs) ::usleep(500);
    if (!works) return Fail(ErrorCode::kIo, "the directory is away");
    std::lock_guard lock(mutex);
    auto it = people.find(uid);
    return it == people.end() ? Person{} : it->second;
  }
  std::atomic<int> asked = 0;
  std::atomic<bool> hangs = false;
  std::atomic<bool> works = true;
  std::mutex mutex;
  std::map<uid_t, Person> people;
};

class RoleDeskTest : public testing::Test {
 protected:
  RoleDeskTest() {
    auto directory = std::make_unique<FakeDirectory>();
    fake_ = directory.get();
    fake_->people[1000] = {"ann", {"bulkhead-user"}};
    desk_ = std::make_unique<RoleDesk>(std::move(directory), [this] { return now_ms_; });
  }
  ~RoleDeskTest() override { fake_->hangs = false; }
  Result<Person> Ask(uid_t uid) {
    std::optional<Result<Person>> answer;
    desk_->Identify(uid, [&](Result<Person> p) { answer = std::move(p); });
    for (int i = 0; i < 20'000 && !answer; ++i) {
      if (g_main_context_iteration(nullptr, FALSE) == FALSE) ::usleep(500);
    }
    return answer.value_or(Fail(ErrorCode::kInternal, "no answer at all"));
  }
  std::int64_t now_ms_ = 1;
  FakeDirectory* fake_;
  std::unique_ptr<RoleDesk> desk_;
};

TEST_F(RoleDeskTest, AnAnswerIsKeptForAMoment) {
  EXPECT_EQ(Ask(1000)->name, "ann");
  EXPECT_EQ(Ask(1000)->name, "ann");
  EXPECT_EQ(fake_->asked, 1);
}

TEST_F(RoleDeskTest, CannotKeepARoleAfterLeavingItsGroup) {
  ASSERT_TRUE(Ask(1000)->groups.contains("bulkhead-user"));
  {
    std::lock_guard lock(fake_->mutex);
    fake_->people[1000].groups.clear();
  }
  now_ms_ += RoleDesk::kCacheMs;
  EXPECT_TRUE(Ask(1000)->groups.empty());
}

TEST_F(RoleDeskTest, RootNeedsNoDirectory) {
  fake_->hangs = true;
  EXPECT_TRUE(Ask(0));
  EXPECT_EQ(fake_->asked, 0);
}

TEST_F(RoleDeskTest, CannotGetInWhileTheDirectoryFailsOrHangs) {
  fake_->works = false;
  EXPECT_EQ(Ask(1000).error().code, ErrorCode::kIo);
  fake_->works = true;
  EXPECT_EQ(Ask(1000)->name, "ann") << "a failure is not kept";
  fake_->hangs = true;
  EXPECT_EQ(Ask(1001).error().code, ErrorCode::kTimeout);
  EXPECT_EQ(Ask(1000)->name, "ann") << "whom it knows it still serves";
  int asked = fake_->asked;
  EXPECT_EQ(Ask(1001).error().code, ErrorCode::kTimeout);
  EXPECT_EQ(fake_->asked, asked) << "no second thread hangs on it";
}

TEST_F(RoleDeskTest, CannotPileUpQuestions) {
  fake_->hangs = true;
  int busy = 0;
  for (uid_t uid = 2000; uid < 2000 + 2 * RoleDesk::kMostWaiting; ++uid) {
    desk_->Identify(uid, [&](const Result<Person>& p) {
      if (!p && p.error().code == ErrorCode::kBusy) ++busy;
    });
  }
  EXPECT_EQ(busy, static_cast<int>(RoleDesk::kMostWaiting));
}

TEST(SystemDirectory, KnowsRootAndNoStranger) {
  SystemDirectory directory;
  auto root = directory.Find(0);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->name, "root");
  EXPECT_TRUE(root->groups.contains("root"));
  auto nobody = directory.Find(1'879'048'193);
  ASSERT_TRUE(nobody);
  EXPECT_EQ(nobody->name, "");
}

}  // namespace
}  // namespace bulkhead::hostd
