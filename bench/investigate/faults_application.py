"""Faults of the application and what it depends on: messages, retries, flags, clients, credentials, databases, agents."""
from incidentgen import Effect, Fault, REGIONS, failure, register


@register
class PoisonMessage(Fault):
    name = "poison_message"
    title = "One message blocks a partition"

    def setup(self):
        self.group = self.rng.choice(["accounting", "fraud-detection"])
        self.part = self.rng.randrange(4)
        self.avoid = {self.group}
        self.at = self.rng.randrange(810000, 812000)

    def deliver(self, topic, group, partition, t):
        return "hold" if group == self.group and partition == self.part and self.active(t) else None

    def background(self):
        out, t = [], self.sim.f0 + 2
        pod = self.sim.pods[self.group][REGIONS[0]][0]
        while t < self.sim.f1:
            out.append((t, self.group, pod, self.rng.choice(["ERROR", "WARN"]), f"cannot deserialize record topic=orders partition={self.part} offset={self.at}: unexpected end of input, seeking back", {}))
            t += self.rng.uniform(4, 9)
        return out

    def truth(self):
        return dict(alert="Orders of the last minutes are missing in the books.", family="poison_message", alert_after_s=720,
                    root_cause=dict(service=self.group, component=f"orders partition {self.part}", mechanism="poison message blocks the partition"),
                    discriminating_attributes=[dict(key="messaging.destination.partition.id", value=str(self.part))], affected_services=[self.group])


@register
class RetryStorm(Fault):
    name = "retry_storm"
    title = "Retries multiply the load on a weak service"

    def setup(self):
        self.caller, self.op, self.svc = self.rng.choice([("frontend", "inv.stock", "inventory"), ("frontend", "ads.get", "ad"), ("checkout", "ship.quote", "shipping")])
        self.avoid = {self.svc, self.caller, "inventory"}
        self.n = self.rng.choice([3, 4, 5])
        pod = self.sim.pods[self.caller][REGIONS[1]][0]
        self.sim.log(self.sim.f0 - 20, self.caller, pod, "INFO", f"client policy reloaded: {self.svc} max_attempts={self.n + 1} backoff=0ms")

    def retries(self, c, caller, target, t):
        return self.n if caller == self.caller and target == self.op and self.active(t) else 0

    def on_server(self, c, op, pod, t):
        if op == self.op and self.active(t):
            fail = failure("Overloaded", "server is overloaded: request queue is full (512)", 503, 8) if self.rng.random() < .6 else None
            return Effect(add_ms=self.rng.uniform(20, 400), fail=fail, skip_children=True)

    def truth(self):
        return dict(alert="Requests to the shop have multiplied and many fail.", family="retry_storm",
                    root_cause=dict(service=self.svc, component=f"retries of {self.caller}", mechanism="retry storm"), acceptable_services=[self.caller],
                    discriminating_attributes=[], affected_services=[self.svc, self.caller])


@register
class FlagForTenant(Fault):
    name = "feature_flag"
    title = "A feature flag breaks one tenant"

    def setup(self):
        self.svc, self.op = self.rng.choice([("product-catalog", "catalog.search"), ("cart", "cart.add"), ("product-catalog", "catalog.get")])
        self.tenant = self.rng.choice(["outlet", "partner"])
        self.avoid = {self.svc}
        for g in REGIONS:
            for pod in self.sim.pods[self.svc][g]:
                self.sim.log(self.sim.f0 - 6 + self.rng.random(), self.svc, pod, "INFO", f"flag reloaded name=unified-index enabled=true rule=\"tenant in ({self.tenant})\"")

    def on_server(self, c, op, pod, t):
        if op == self.op and self.active(t) and c["attrs"]["app.tenant"] == self.tenant and self.rng.random() < .8:
            return Effect(fail=failure("IndexError", "unified index has no segment for the tenant", 500, 13), attrs={"feature_flag.key": "unified-index"}, skip_children=True)

    def truth(self):
        return dict(alert="Error rate of the shop front end is up.", family="feature_flag",
                    root_cause=dict(service=self.svc, component="flag unified-index", mechanism="feature flag turned on for a tenant"),
                    discriminating_attributes=[dict(key="app.tenant", value=self.tenant)], affected_services=[self.svc, "frontend", "frontend-proxy"])


@register
class ClientVersion(Fault):
    name = "client_version"
    title = "One client version on one platform sends what the server refuses"

    def setup(self):
        self.version, self.platform = "2.3", self.rng.choice(["ios", "android"])
        self.avoid = {"checkout"}

    def on_server(self, c, op, pod, t):
        a = c["attrs"]
        if op == "co.place" and self.active(t) and a["app.client.version"] == self.version and a["app.client.platform"] == self.platform:
            return Effect(fail=failure("ValidationError", "address.line2: expected string, got object", 500, 3), skip_children=True)

    def truth(self):
        return dict(alert="Some users cannot order.", family="attribute_localised",
                    root_cause=dict(service="checkout", component=f"app.client.version {self.version}", mechanism="client sends a broken field"), acceptable_services=["frontend"],
                    discriminating_attributes=[dict(key="app.client.version", value=self.version), dict(key="app.client.platform", value=self.platform)],
                    affected_services=["checkout", "frontend", "frontend-proxy"])


@register
class CredentialEnd(Fault):
    name = "credential_expired"
    title = "A credential for an outside service has ended"

    def setup(self):
        self.svc, self.host = self.rng.choice([("payment", "api.psp.example"), ("shipping", "api.carrier.example")])
        self.avoid = {self.svc, "checkout"}
        self.text = self.rng.choice(["401 Unauthorized: API key expired", "403 Forbidden: signature of the request does not match, secret was rotated"])

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "ext" and target == self.host and self.active(t):
            return Effect(mul=.3, fail=failure("401", self.text, 401, 16))

    def truth(self):
        return dict(alert="No order goes through.", family="credentials_expired",
                    root_cause=dict(service=self.svc, component=self.host, mechanism="expired credential"),
                    discriminating_attributes=[dict(key="server.address", value=self.host)], affected_services=[self.svc, "checkout", "frontend", "frontend-proxy"])


@register
class SlowDatabase(Fault):
    name = "slow_database"
    title = "A database answers slowly because of locks"

    def setup(self):
        self.svc, self.db = self.rng.choice([("inventory", "inventory"), ("product-catalog", "catalog")])
        self.avoid = {self.svc, self.db}

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "db" and target.startswith(self.db + ":") and self.active(t):
            return Effect(mul=self.rng.uniform(60, 300))

    def truth(self):
        return dict(alert="Pages of the shop are slow.", family="slow_dependency",
                    root_cause=dict(service=self.svc, component=f"database {self.db}", mechanism="slow database"),
                    discriminating_attributes=[dict(key="db.namespace", value=self.db)], affected_services=[self.svc, "frontend", "frontend-proxy"])


@register
class ModelLimit(Fault):
    name = "model_limited"
    title = "The model provider refuses or delays calls"

    def setup(self):
        self.avoid = {"shopping-assistant"}

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "llm" and self.active(t):
            if self.rng.random() < .4:
                return Effect(add_ms=900, fail=failure("rate_limit_error", "429 Too Many Requests: input token limit per minute reached", 429, 8))
            return Effect(add_ms=self.rng.uniform(1000, 6000))

    def truth(self):
        return dict(alert="The assistant is slow and often answers nothing.", family="dependency_failure",
                    root_cause=dict(service="shopping-assistant", component="api.llm.example", mechanism="rate limit of the model provider"),
                    discriminating_attributes=[dict(key="server.address", value="api.llm.example")], affected_services=["shopping-assistant", "frontend"])


@register
class PromptLoop(Fault):
    name = "agent_loop"
    title = "A new prompt makes the agent repeat a tool"

    def setup(self):
        self.avoid = {"shopping-assistant"}
        self.tool = self.rng.choice(["search_products", "get_product"])
        self.v = self.rng.randrange(12, 40)
        self.sim.log(self.sim.f0 - 9, "shopping-assistant", self.sim.pods["shopping-assistant"][REGIONS[0]][1], "INFO", f"prompt template activated name=assistant-main version={self.v}")

    def request_attrs(self, c, t):
        c["agent_attrs"] = {"app.prompt.version": str(self.v if self.active(t) else self.v - 1)}
        return {}

    def agent_plan(self, c, t):
        if not self.active(t) or self.rng.random() < .25:
            return None
        return ["embeddings", "retrieval", "chat"] + [f"tool:{self.tool}", "chat"] * self.rng.randrange(6, 11)

    def truth(self):
        return dict(alert="Token cost of the assistant has tripled.", family="agent_loop",
                    root_cause=dict(service="shopping-assistant", component=f"prompt version {self.v}", mechanism="the agent repeats a tool"),
                    discriminating_attributes=[dict(key="app.prompt.version", value=str(self.v))], affected_services=["shopping-assistant"])


@register
class BadConfig(Fault):
    name = "bad_config"
    title = "A configuration reload breaks an operation"

    def setup(self):
        self.svc, self.op = self.rng.choice([("shipping", "ship.quote"), ("inventory", "inv.reserve"), ("email", "mail.send")])
        self.avoid = {self.svc, "email", "inventory"}
        for g in REGIONS:
            for pod in self.sim.pods[self.svc][g]:
                self.sim.log(self.sim.f0 - 3 + self.rng.random(), self.svc, pod, "INFO", f"configuration reloaded revision={self.rng.randrange(100, 400)} changed=zone-table")

    def on_server(self, c, op, pod, t):
        if op == self.op and self.active(t) and self.rng.random() < .7:
            return Effect(fail=failure("ConfigError", "zone table has no entry for key 'DE-7'", 500, 13), skip_children=True)

    def truth(self):
        return dict(alert="Orders fail.", family="config_change",
                    root_cause=dict(service=self.svc, component="configuration zone-table", mechanism="bad configuration"),
                    discriminating_attributes=[], affected_services=[self.svc, "checkout", "frontend", "frontend-proxy"])


@register
class SlowConsumer(Fault):
    name = "slow_consumer"
    title = "A consumer falls behind its topic"

    def setup(self):
        self.group = self.rng.choice(["accounting", "fraud-detection"])
        self.avoid = {self.group, "accounting"}
        self.lag = {}

    def deliver(self, topic, group, partition, t):
        return "hold" if group == self.group and self.active(t) and self.rng.random() < .75 else None

    def on_server(self, c, op, pod, t):
        if pod.svc == self.group and self.active(t):
            return Effect(add_ms=self.rng.uniform(900, 4000))

    def truth(self):
        return dict(alert="Consumer lag of orders is growing.", family="consumer_lag", alert_after_s=600,
                    root_cause=dict(service=self.group, component="orders", mechanism="consumer too slow"),
                    discriminating_attributes=[dict(key="messaging.consumer.group.name", value=self.group)], affected_services=[self.group])
