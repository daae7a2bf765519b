// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-hostd: what it owns, and which part hears of what. The adaptor
/// (hostd/bus/host1_methods.cc) is its one caller. Main-loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hostd/bus/bus_server.h"
#include "hostd/client_ports.h"
#include "hostd/devices/device_desk.h"
#include "hostd/flows/flow_desk.h"
#include "hostd/guest/guest_runs.h"
#include "hostd/level/levels.h"
#include "hostd/report/report_server.h"
#include "hostd/roles/access.h"
#include "hostd/roles/role_desk.h"
#include "hostd/spec/spec_desk.h"
#include "hostd/work.h"

namespace bulkhead::hostd {

/// What hostd knows of KVM, for people. `word`: "kvm", "tcg", "none" (nothing may start) or
/// "unknown" (the probe runs).
struct AccelView {
  std::string word = "unknown";
  std::string reason = "a probe guest is being booted";
};

/// How an apply ended: what the caller is told.
struct ApplyReport {
  SpecOutcome outcome;
  /// Level: what of it takes effect at its next start.
  std::map<std::string, std::vector<std::string>> restart_needed;
  std::vector<std::string> notes;  ///< sentences
};

class Daemon {
 public:
  using ApplyDone = std::function<void(Result<ApplyReport>)>;

  /// Opens the audit log, the books and the stored spec set, binds the report socket, and begins to
  /// look for libvirt and the bus. An error is a sentence for the log: nothing was started.
  static Result<std::unique_ptr<Daemon>> Create(Paths paths, std::unique_ptr<Hypervisor> hypervisor,
                                                const std::string& bus_address);

  // --- org.bulkhead.Host1, a method each. Answers come on the main loop. ---
  void ApplySpec(ApplyOrder order, ApplyDone done);
  void Rollback(const Caller& caller, std::uint32_t version, const std::string& comment,
                ApplyDone done);
  using ApprovalsDone = std::function<void(Result<std::vector<Approval>>)>;
  void ApproveDowngrades(const Caller& caller, vmspec::SpecFiles files, ApprovalsDone done);
  void ListApprovals(ApprovalsDone done);
  void SpecHistory(std::function<void(Result<std::vector<HistoryEntry>>)> done);
  void SpecVersionOf(std::uint32_t version, std::function<void(Result<StoredSpec>)> done);
  Status Start(const std::string& level, const std::string& actor, bool paused);
  Status Stop(const std::string& level, const std::string& actor, bool force);
  Status Restart(const std::string& level, const std::string& actor);
  void OpenConsole(const std::string& level, const std::string& actor,
                   std::function<void(Result<UniqueFd>)> done);
  void Run(const std::string& level, const std::string& user, std::vector<std::string> argv,
           std::uint32_t timeout_ms, const std::string& actor, GuestRuns::Done done);
  void ListDevices(std::function<void(Result<std::vector<broker::Device>>)> done);
  void LendDevice(const std::string& device, const std::string& level, bool write,
                  const std::string& actor, std::function<void(Status)> done);
  void TakeBackDevice(const std::string& device, const Caller& caller,
                      std::function<void(Status)> done);
  void NetStatus(std::function<void(Result<std::vector<netpolicy::LevelNetStatus>>)> done);
  void AuditTail(std::uint32_t lines, std::function<void(Result<std::vector<std::string>>)> done);
  void AuditVerify(std::function<void(Result<AuditVerdict>)> done);
  /// The answer was no; hostile callers do not fill the log.
  void RecordRefusal(const Caller& caller, const Ask& ask, const Error& why);
  void Services(std::function<void(std::map<std::string, std::string>)> done);

  [[nodiscard]] const Levels& levels() const { return *levels_; }
  [[nodiscard]] const FlowDesk& flows() const { return *flows_; }
  [[nodiscard]] bool HalfIsUp(Role::Kind kind, const std::string& flow) const {
    return reports_->IsUp({kind, flow});
  }
  [[nodiscard]] const AccelView& accel() const { return accel_view_; }

 private:
  Daemon(Paths paths, std::unique_ptr<Hypervisor> hypervisor);
  Status Open();
  Status Listen();
  void MakeParts();
  void MakeBus(const std::string& address);
  World MakeWorld();

  void LookAtLibvirt(bool first);
  void LookAgain(const Error& why, bool first);
  void OnFirstListing(const Listing& listing);
  void SettleDevices(const Listing& listing);
  void ProbeAccel();
  /// `judge` brings the set into force on a worker thread, or says why not.
  using Judge =
      std::function<Result<SpecOutcome>(const AppliedSpecPtr&, const std::set<std::string>& live)>;
  void PutIntoForce(Judge judge, ApplyDone done);
  /// Sentences: what could not be put into force.
  using PushDone = std::function<void(std::vector<std::string>)>;
  void PushSpec(const AppliedSpecPtr& before, const AppliedSpecPtr& after, PushDone done);
  std::map<std::string, std::string> PushToOthers(const AppliedSpecPtr& before,
                                                  const AppliedSpecPtr& after,
                                                  const std::set<std::string>& live);
  std::vector<std::string> IsolateUnprotected(const std::map<std::string, std::string>& faults);
  void OnJudged(const AppliedSpecPtr& before, const SpecOutcome& outcome, const ApplyDone& done);
  Status OnReport(const Role& role, const Frame& frame);
  Status OnAgentReport(const std::string& level, const Frame& frame);
  void Record(Entry entry, std::function<void()> then);
  /// `then` is told whether it is on record.
  void TryRecord(Entry entry, std::function<void(Status)> then);
  void ShowDevice(const broker::Device& device);
  void RefreshDevices();
  void Log(const std::string& sentence);

  Paths paths_;
  std::unique_ptr<Hypervisor> hypervisor_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<IndexBook> indexes_;
  std::unique_ptr<SpecStore> spec_store_;
  std::unique_ptr<ApprovalDesk> approvals_;
  std::unique_ptr<SpecDesk> spec_desk_;
  std::unique_ptr<ImageStore> images_;
  std::unique_ptr<AccelProbe> accel_;
  std::unique_ptr<RunBook> runs_;
  std::unique_ptr<StartedBook> started_;
  std::unique_ptr<NetdPort> network_;
  std::unique_ptr<SuperPort> super_;
  std::unique_ptr<BrokerPort> broker_;
  std::unique_ptr<InstanceKeeper> instances_;
  std::unique_ptr<DeviceDesk> devices_;
  std::unique_ptr<ReportServer> reports_;
  std::unique_ptr<FlowDesk> flows_;
  std::unique_ptr<GuestRuns> guest_runs_;
  std::unique_ptr<Levels> levels_;
  AccelView accel_view_;
  unsigned accel_probe_ = 0;  ///< number of the last probe that was begun
  bool applying_ = false;
  bool settled_ = false;  ///< libvirt was asked once
  Timer look_again_;      ///< libvirt did not answer though it is there
  std::unique_ptr<RoleDesk> roles_;
  std::map<uid_t, RefusalBudget> refusals_;
  std::unique_ptr<BusServer> bus_;
  std::unique_ptr<Work> work_;  ///< last: its threads end before anything they use
};

}  // namespace bulkhead::hostd
