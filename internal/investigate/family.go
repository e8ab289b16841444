package investigate

// Family is the kind of fault a suspect stands for.
type Family string

// The families of faults.
const (
	BadRelease         Family = "bad_release"         // a new version of the service
	PoolExhausted      Family = "pool_exhausted"      // connections, threads or another bounded pool are used up
	SlowDependency     Family = "slow_dependency"     // what the service calls answers slowly; the component says what
	DependencyFailure  Family = "dependency_failure"  // what the service calls fails or refuses
	CacheTrouble       Family = "cache"               // a cache lost its keys, fails, or is slow
	NameResolution     Family = "name_resolution"     // DNS
	MemoryRestart      Family = "memory_restart"      // memory runs out, processes are killed and restarted
	CredentialsExpired Family = "credentials_expired" // a credential or certificate ended or was revoked
	PoisonMessage      Family = "poison_message"      // one message or partition blocks a consumer
	ConsumerLag        Family = "consumer_lag"        // a consumer falls behind
	RetryStorm         Family = "retry_storm"         // retries multiply the load
	ClockTrouble       Family = "clock_skew"          // clocks of nodes differ
	NoisyNeighbour     Family = "noisy_neighbour"     // one node or zone is short of a resource
	FeatureFlag        Family = "feature_flag"        // a flag was switched
	ConfigChange       Family = "config_change"       // a configuration was reloaded
	AttributeLocalised Family = "attribute_localised" // only requests with certain attributes fail
	AgentTool          Family = "agent_tool_failure"  // a tool of an AI agent fails
	AgentLoop          Family = "agent_loop"          // an AI agent repeats itself or its prompt grew
	TrafficSurge       Family = "traffic_surge"       // more requests than usual
	Saturation         Family = "resource_saturation" // a resource is at its limit
	Unreachable        Family = "service_unreachable" // callers reach it no more: it is down, crashed or cut off
	CodeFault          Family = "code_fault"          // the service itself fails, no release or change is known
)

// Families lists every family.
func Families() []Family {
	return []Family{
		BadRelease, PoolExhausted, SlowDependency, DependencyFailure, CacheTrouble, NameResolution, MemoryRestart, CredentialsExpired,
		PoisonMessage, ConsumerLag, RetryStorm, ClockTrouble, NoisyNeighbour, FeatureFlag, ConfigChange, AttributeLocalised, AgentTool,
		AgentLoop, TrafficSurge, Saturation, Unreachable, CodeFault,
	}
}
