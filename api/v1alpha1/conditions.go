package v1alpha1

// Condition types. Reconciling and Stalled are present only while True, as kstatus asks.
const (
	// ConditionReady sums up the conditions that apply to the kind.
	ConditionReady = "Ready"
	// ConditionAccepted says that the object's own content is understood and valid.
	ConditionAccepted = "Accepted"
	// ConditionResolvedRefs says that everything the object names exists and belongs to the same HelpDesk.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionProgrammed says that the desk's active Plan contains this object's content.
	ConditionProgrammed = "Programmed"
	// ConditionAvailable says that the workload of a HelpDesk or Tier serves.
	ConditionAvailable = "Available"
	// ConditionStaffed says that at least one agent can serve the Tier or Queue. It does not count towards Ready: a
	// pipeline that waits for Ready must not wait for somebody to be hired.
	ConditionStaffed = "Staffed"
	// ConditionDeskReachable, on a HelpDesk, says that the manager reaches the desk.
	ConditionDeskReachable = "DeskReachable"
	// ConditionClockStepped, on a HelpDesk and present only while True, says that the clock of the desk's machine was set back,
	// so that desk time stands still.
	ConditionClockStepped = "ClockStepped"
	// ConditionStructureMismatch, on a SupportTeam and present only while True, says that the team is not what its structure says.
	ConditionStructureMismatch = "StructureMismatch"
	// ConditionCoverageGap, on an OnCallRotation and present only while True, says that nobody is on call at a time for which
	// coverage asks for somebody.
	ConditionCoverageGap = "CoverageGap"
	// ConditionReconciling says that work towards the declared state goes on.
	ConditionReconciling = "Reconciling"
	// ConditionStalled says that the declared state cannot be reached without a change of spec.
	ConditionStalled = "Stalled"
)

// Reasons of conditions.
const (
	ReasonReady  = "Ready"
	ReasonPaused = "Paused"
	// ReasonHelpDeskPaused: the content waits until the HelpDesk goes on.
	ReasonHelpDeskPaused = "HelpDeskPaused"

	// ReasonAccepted: the content is valid.
	ReasonAccepted = "Accepted"
	// ReasonInvalid: the content contradicts itself or a limit; the message names the field.
	ReasonInvalid = "Invalid"
	// ReasonExpressionInvalid: a CEL expression does not compile or costs too much.
	ReasonExpressionInvalid = "ExpressionInvalid"
	// ReasonCircularReference: the object is part of a circle of references.
	ReasonCircularReference = "CircularReference"
	// ReasonDuplicate: another object of the same HelpDesk already claims what this one does.
	ReasonDuplicate = "Duplicate"

	// ReasonNoOpenHours: a calendar is never open.
	ReasonNoOpenHours = "NoOpenHours"
	// ReasonUnknownTimeZone: the time zone database has no such zone.
	ReasonUnknownTimeZone = "UnknownTimeZone"

	// ReasonStructureMismatch: the team is not what its structure says it is meant to be.
	ReasonStructureMismatch = "StructureMismatch"
	// ReasonCoverageGap: nobody is on call at a time for which coverage asks for somebody.
	ReasonCoverageGap = "CoverageGap"
	// ReasonClockChange: clocks skip a declared time, or show it twice.
	ReasonClockChange = "ClockChange"
	// ReasonEditPending: an edit of a rotation takes effect at a hand-off to come.
	ReasonEditPending = "EditPending"
	// ReasonEditInEffect: an edit of a rotation took effect at once.
	ReasonEditInEffect = "EditInEffect"
	// ReasonEditTakenBack: an edit of a rotation that was to take effect was taken back before.
	ReasonEditTakenBack = "EditTakenBack"
	// ReasonNoDuty: an override covers no duty.
	ReasonNoDuty = "NoDuty"
	// ReasonNobodyReached: an escalation policy notifies, and none of those it would notify has a contact.
	ReasonNobodyReached = "NobodyReached"

	// ReasonResolvedRefs: every reference resolves.
	ReasonResolvedRefs = "ResolvedRefs"
	// ReasonRefNotFound: a named object does not exist.
	ReasonRefNotFound = "RefNotFound"
	// ReasonDifferentHelpDesk: a named object belongs to another HelpDesk.
	ReasonDifferentHelpDesk = "DifferentHelpDesk"

	// ReasonProgrammed: the active Plan has this content.
	ReasonProgrammed = "Programmed"
	// ReasonPending: the content waits to be taken over by the desk.
	ReasonPending = "Pending"
	// ReasonNotAccepted: the content has a problem, so the Plan has none, or still has the last accepted content.
	ReasonNotAccepted = "NotAccepted"

	// ReasonStaffed: somebody can serve.
	ReasonStaffed = "Staffed"
	// ReasonNoAgents: the selectors choose nobody.
	ReasonNoAgents = "NoAgents"
	// ReasonNobodyQualified: agents are selected, but none meets the requirements or has a limit for the channels.
	ReasonNobodyQualified = "NobodyQualified"

	// ReasonAvailable: the workload serves.
	ReasonAvailable = "Available"
	// ReasonScaledToZero: no queue worker is asked for; tickets are kept and not offered by this tier.
	ReasonScaledToZero = "ScaledToZero"
	// ReasonRollingOut: pods are on their way.
	ReasonRollingOut = "RollingOut"
	// ReasonWorkloadFailing: pods do not become ready.
	ReasonWorkloadFailing = "WorkloadFailing"

	// ReasonClockBehind: the machine's clock has not caught up with desk time yet.
	ReasonClockBehind = "ClockBehind"

	// ReasonReachable: the desk answers.
	ReasonReachable = "Reachable"
	// ReasonUnreachable: the desk does not answer.
	ReasonUnreachable = "Unreachable"
)
