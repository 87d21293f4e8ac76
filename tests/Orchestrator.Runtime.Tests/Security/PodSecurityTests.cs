using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Security.Admission.PodSecurity;

namespace Orchestrator.Runtime.Tests.Security;

public sealed class PodSecurityTests
{
    private const string Hardened = """
        "securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},"containers":[{"name":"a","securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]
        """;

    private static string Describe(PodSecurityLevel level, string spec)
    {
        var pod = KubernetesJson.Deserialize<Pod>(Encoding.UTF8.GetBytes("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{" + spec + "}}"));
        return PodSecurityStandards.Describe(PodSecurityStandards.Violations(level, new PodUnderTest(pod.Annotations, pod.Spec)));
    }

    [Theory]
    [InlineData("""
        "containers":[{"name":"a"}]
        """, "")]
    [InlineData("""
        "hostNetwork":true,"hostPID":true,"containers":[{"name":"a"}]
        """, "host namespaces (hostNetwork=true, hostPID=true)")]
    [InlineData("""
        "containers":[{"name":"a","ports":[{"hostPort":80},{"hostPort":443}]},{"name":"b","ports":[{"hostPort":80}]}]
        """, "hostPort (containers \"a\", \"b\" use hostPorts 443, 80)")]
    [InlineData("""
        "volumes":[{"name":"v","hostPath":{"path":"/"}}],"containers":[{"name":"a"}]
        """, "hostPath volumes (volume \"v\")")]
    [InlineData("""
        "initContainers":[{"name":"i","securityContext":{"privileged":true}}],"containers":[{"name":"a","securityContext":{"privileged":true}}]
        """, "privileged (containers \"i\", \"a\" must not set securityContext.privileged=true)")]
    [InlineData("""
        "containers":[{"name":"a","securityContext":{"capabilities":{"add":["SYS_ADMIN","CHOWN","NET_ADMIN"]}}}]
        """, "non-default capabilities (container \"a\" must not include \"NET_ADMIN\", \"SYS_ADMIN\" in securityContext.capabilities.add)")]
    [InlineData("""
        "securityContext":{"seccompProfile":{"type":"Unconfined"}},"containers":[{"name":"a","securityContext":{"seccompProfile":{"type":"Unconfined"}}}]
        """, "seccompProfile (pod and container \"a\" must not set securityContext.seccompProfile.type to \"Unconfined\")")]
    [InlineData("""
        "securityContext":{"sysctls":[{"name":"kernel.msgmax","value":"1"},{"name":"net.ipv4.tcp_syncookies","value":"1"}]},"containers":[{"name":"a"}]
        """, "forbidden sysctls (kernel.msgmax)")]
    [InlineData("""
        "securityContext":{"seLinuxOptions":{"type":"spc_t","user":"u"}},"containers":[{"name":"a"}]
        """, "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type \"spc_t\"; user may not be set)")]
    [InlineData("""
        "containers":[{"name":"a","securityContext":{"procMount":"Unmasked"}}]
        """, "procMount (container \"a\" must not set securityContext.procMount to \"Unmasked\")")]
    [InlineData("""
        "securityContext":{"windowsOptions":{"hostProcess":true}},"containers":[{"name":"a"}]
        """, "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)")]
    public void The_baseline_forbids_known_ways_out(string spec, string violations) =>
        Assert.Equal(violations, Describe(PodSecurityLevel.Baseline, spec.Trim()));

    [Theory]
    [InlineData(Hardened, "")]
    [InlineData("""
        "containers":[{"name":"a"},{"name":"b"}]
        """, "allowPrivilegeEscalation != false (containers \"a\", \"b\" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (containers \"a\", \"b\" must set securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != true (pod or containers \"a\", \"b\" must set securityContext.runAsNonRoot=true), seccompProfile (pod or containers \"a\", \"b\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")")]
    [InlineData("""
        "volumes":[{"name":"v","hostPath":{"path":"/"}},{"name":"w","nfs":{"path":"/","server":"s"}}],
        """ + Hardened, "restricted volume types (volumes \"v\", \"w\" use restricted volume types \"hostPath\", \"nfs\")")]
    [InlineData("""
        "securityContext":{"runAsNonRoot":true,"runAsUser":0,"seccompProfile":{"type":"RuntimeDefault"}},"containers":[{"name":"a","securityContext":{"runAsNonRoot":false,"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"],"add":["CHOWN"]}}}]
        """, "unrestricted capabilities (container \"a\" must not include \"CHOWN\" in securityContext.capabilities.add), runAsNonRoot != true (container \"a\" must not set securityContext.runAsNonRoot=false), runAsUser=0 (pod must not set runAsUser=0)")]
    [InlineData("""
        "os":{"name":"windows"},"securityContext":{"runAsNonRoot":true},"containers":[{"name":"a"}]
        """, "")]
    public void The_restricted_level_asks_pods_to_harden_themselves(string spec, string violations) =>
        Assert.Equal(violations, Describe(PodSecurityLevel.Restricted, spec.Trim()));

    [Fact]
    public void Labels_that_cannot_be_read_are_told_and_taken_for_the_strictest()
    {
        var policy = NamespacePolicy.Read(new Dictionary<string, string>
        {
            ["pod-security.kubernetes.io/enforce"] = "strict", ["pod-security.kubernetes.io/warn"] = "baseline", ["pod-security.kubernetes.io/warn-version"] = "v1.30",
            ["pod-security.kubernetes.io/audit-version"] = "1.30",
        }, out var errors);

        Assert.Equal((PodSecurityLevel.Restricted, "baseline:v1.30"), (policy.Enforce.Level, policy.Warn.ToString()));
        Assert.Equal(2, errors.Count);
        Assert.Equal("metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"strict\": must be one of privileged, baseline, restricted", errors[0].ToString());
    }
}
