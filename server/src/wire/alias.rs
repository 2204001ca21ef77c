//! Which field a key of free metadata stands for: tags, headers, baggage, span attributes.
//!
//! Keys are compared without case and without `_`, `-` and `.`; the `x-` of a header does not count.

use quipu::Dimension;

/// What a key of free metadata stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alias {
    /// A text property.
    Dimension(Dimension),
    /// How many tries came before this one.
    RetryDepth,
    /// Which try this is, counted from 1.
    Attempt,
}

/// The longest key that can be an alias once it is stripped.
const LONGEST: usize = 32;

/// What a key stands for, if anything.
pub(super) fn of(key: &str) -> Option<Alias> {
    let key =
        key.strip_prefix("x-").or_else(|| key.strip_prefix("X-")).or_else(|| key.strip_prefix("x_")).unwrap_or(key);
    let mut plain = [0_u8; LONGEST];
    let mut len = 0;
    for byte in key.bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b'.')) {
        *plain.get_mut(len)? = byte.to_ascii_lowercase();
        len += 1;
    }
    let dimension = match &plain[..len] {
        b"tenant" | b"tenantid" | b"tenantslug" | b"org" | b"orgid" | b"organization" | b"organizationid"
        | b"organizationname" | b"organisation" | b"customer" | b"customerid" => Dimension::Tenant,
        b"team" | b"teamid" => Dimension::Team,
        b"project" | b"projectid" => Dimension::Project,
        b"feature" | b"featureid" | b"functionname" => Dimension::Feature,
        b"workflow" | b"workflowid" => Dimension::Workflow,
        b"user" | b"userid" | b"enduser" | b"enduserid" | b"subscriberid" | b"heliconeuserid" => {
            Dimension::SubscriberId
        }
        b"email" | b"useremail" | b"subscriberemail" => Dimension::SubscriberEmail,
        b"session" | b"sessionid" | b"chatid" | b"threadid" | b"conversationid" | b"heliconesessionid" => {
            Dimension::SessionId
        }
        b"agenticjobid" | b"jobid" | b"job" => Dimension::JobId,
        b"agenticjobtype" | b"jobtype" => Dimension::JobType,
        b"agenticjobversion" | b"jobversion" => Dimension::JobVersion,
        b"agenticjobname" | b"jobname" => Dimension::JobName,
        b"tracetype" => Dimension::TraceType,
        b"tracename" => Dimension::TraceName,
        b"tasktype" | b"task" => Dimension::TaskType,
        b"operationsubtype" => Dimension::OperationSubtype,
        b"modeltier" | b"tier" => Dimension::ModelTier,
        b"environment" | b"env" => Dimension::Environment,
        b"config" | b"llmopsconfig" => Dimension::Config,
        b"variant" | b"variantname" | b"promptversion" => Dimension::Variant,
        b"agent" | b"agentname" => Dimension::Agent,
        b"agentversion" => Dimension::AgentVersion,
        b"product" | b"productname" | b"productid" => Dimension::Product,
        b"subscriptionid" => Dimension::SubscriptionId,
        b"ticketid" => Dimension::TicketId,
        b"requestid" => Dimension::RequestId,
        b"retrydepth" | b"retrynumber" => return Some(Alias::RetryDepth),
        b"attempt" => return Some(Alias::Attempt),
        _ => return None,
    };
    Some(Alias::Dimension(dimension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter() {
        for key in ["tenant", "x-tenant-id", "TENANT_ID", "tenantId", "tenant.id", "_organisation", "X-Org"] {
            assert_eq!(of(key), Some(Alias::Dimension(Dimension::Tenant)), "{key}");
        }
        assert_eq!(of("agentic_job_id"), Some(Alias::Dimension(Dimension::JobId)));
        assert_eq!(of("x-retry-depth"), Some(Alias::RetryDepth));
        for key in ["depth.team_id", "", "plan", "a-key-that-is-much-too-long-to-be-any-alias"] {
            assert_eq!(of(key), None, "{key}");
        }
    }
}
