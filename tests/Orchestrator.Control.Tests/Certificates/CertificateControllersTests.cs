using Orchestrator.Api.CertificatesV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.RbacV1;
using Orchestrator.Control.Certificates;

namespace Orchestrator.Control.Tests.Certificates;

public sealed class CertificateControllersTests
{
    private static readonly NamespacedName Key = new("", "csr");

    private readonly FakeCluster _cluster = new();

    private RequestedCertificate? _requested = new("system:node:a", ["system:nodes"], [], [], false);

    private CertificateSigningRequest Request => _cluster.Get<CertificateSigningRequest>("", "csr")!;

    private static CertificateSigningRequest New(
        string signer = CertificateSigners.ApiServerClientKubelet, string user = "system:node:a", params string[] conditions) => new()
        {
            Metadata = new ObjectMeta { Name = "csr" },
            Spec = new CertificateSigningRequestSpec
            {
                SignerName = signer,
                Username = user,
                Request = [1, 2, 3],
                Usages = signer == CertificateSigners.KubeletServing
                    ? ["digital signature", "server auth"] : ["digital signature", "client auth"],
            },
            Status = new CertificateSigningRequestStatus
            {
                Conditions = conditions.Select(type => new CertificateSigningRequestCondition
                {
                    Type = type, Status = "True", LastUpdateTime = Make.Start,
                }).ToList(),
            },
        };

    private static ClusterRole Role(string kind) => new()
    {
        Metadata = new ObjectMeta { Name = kind },
        Rules = [new PolicyRule { Verbs = ["create"], ApiGroups = ["certificates.k8s.io"], Resources = [$"certificatesigningrequests/{kind}"] }],
    };

    private static ClusterRoleBinding Bind(string kind, string subject, string name) => new()
    {
        Metadata = new ObjectMeta { Name = kind },
        RoleRef = new RoleRef { ApiGroup = "rbac.authorization.k8s.io", Kind = "ClusterRole", Name = kind },
        Subjects = [new Subject { ApiGroup = "rbac.authorization.k8s.io", Kind = subject, Name = name }],
    };

    private static Node NodeAt(string name, params string[] addresses) => new()
    {
        Metadata = new ObjectMeta { Name = name },
        Status = new NodeStatus { Addresses = [.. addresses.Select(address => new NodeAddress { Type = "InternalIP", Address = address })] },
    };

    private void Approve() => _cluster.Settle(CertificateControllers.DescribeApprover(_ => _requested), Key);

    [Theory]
    [InlineData("system:node:a", "selfnodeclient", "Group", "system:nodes", "Auto approving self kubelet client certificate after SubjectAccessReview.")]
    [InlineData("system:bootstrap:abc", "nodeclient", "User", "system:bootstrap:abc", "Auto approving kubelet client certificate after SubjectAccessReview.")]
    public void Kubelets_certificates_are_approved_when_a_role_says_so(string user, string right, string subject, string name, string message)
    {
        var request = New(user: user);
        request.Spec.Groups = user == "system:node:a" ? ["system:nodes"] : ["system:bootstrappers"];
        _cluster.With(request, Role(right), Bind(right, subject, name));

        Approve();

        var condition = Assert.Single(Request.Status.Conditions!);
        Assert.Equal(("Approved", "AutoApproved", message), (condition.Type, condition.Reason, condition.Message));
    }

    [Theory]
    [InlineData("eve", "nodeclient")]
    [InlineData("system:node:b", "selfnodeclient")] // Another's name is no renewal.
    public void Others_wait_for_people(string user, string right)
    {
        var request = New(user: user);
        request.Spec.Groups = ["system:nodes"];
        _cluster.With(request, Role(right), Bind(right, "Group", right == "nodeclient" ? "system:bootstrappers" : "system:nodes"));

        Approve();

        Assert.Empty(_cluster.Done);
    }

    [Fact]
    public void A_right_that_is_given_later_wakes_the_requests_that_wait()
    {
        var denied = New(conditions: "Denied");
        denied.Metadata.Name = "denied";
        _cluster.With(New(), denied);
        var approver = CertificateControllers.DescribeApprover(_ => _requested);
        var given = new ObjectChange(null, Bind("nodeclient", "User", "x"));

        var woken = approver.Watches.Single(watch => watch.Kind == ClusterRoleBinding.StaticKind).Keys(given, _cluster);

        Assert.Equal([Key], woken);
    }

    [Theory]
    [InlineData("a", "10.0.0.1", true)]
    [InlineData("a", "10.0.0.2", false)] // Another node's.
    [InlineData("a", "10.0.0.3", false)] // Nobody's.
    [InlineData("a", "10.0.0.9", false)] // The API server's, whatever the node says.
    [InlineData("kubernetes", "10.0.0.1", false)]
    [InlineData("b", "10.0.0.1", false)]
    public void A_node_serves_under_its_own_name_and_addresses_alone(string name, string address, bool isApproved)
    {
        var request = New(CertificateSigners.KubeletServing);
        request.Spec.Groups = ["system:nodes"];
        _requested = _requested! with { DnsNames = [name], IPAddresses = [address] };
        _cluster.With(request, NodeAt("a", "10.0.0.1", "10.0.0.9"), NodeAt("b", "10.0.0.2"), new EndpointSlice
        {
            Metadata = new ObjectMeta { Namespace = "default", Name = "kubernetes" }, Endpoints = [new Endpoint { Addresses = ["10.0.0.9"] }],
        });

        Approve();

        Assert.Equal(isApproved, Request.Status.Conditions.OrEmpty().Any(condition => condition.Type == "Approved"));
    }

    [Fact]
    public void A_request_to_serve_waits_until_its_node_has_told_its_addresses()
    {
        var request = New(CertificateSigners.KubeletServing);
        request.Spec.Groups = ["system:nodes"];
        _requested = _requested! with { IPAddresses = ["10.0.0.1"] };
        _cluster.With(request);
        var approver = CertificateControllers.DescribeApprover(_ => _requested);
        Approve();
        Assert.Empty(_cluster.Done);

        _cluster.With(NodeAt("a", "10.0.0.1"));
        var woken = approver.Watches.Single(watch => watch.Kind == Node.StaticKind).Keys(new ObjectChange(NodeAt("a"), NodeAt("a", "10.0.0.1")), _cluster);
        var unmoved = approver.Watches.Single(watch => watch.Kind == Node.StaticKind).Keys(new ObjectChange(NodeAt("a", "10.0.0.1"), NodeAt("a", "10.0.0.1")), _cluster);
        Approve();

        Assert.Equal([Key], woken);
        Assert.Empty(unmoved);
        Assert.Equal("Approved", Assert.Single(Request.Status.Conditions!).Type);
    }

    [Fact]
    public void An_approved_request_is_signed_for_the_time_it_asks_for()
    {
        var request = New(conditions: "Approved");
        request.Spec.ExpirationSeconds = 3600;
        _cluster.With(request);

        _cluster.Reconcile(CertificateControllers.DescribeSigner(_ => _requested), Key);

        Assert.Equal(TimeSpan.FromHours(1), Assert.IsType<SignCertificate>(Assert.Single(_cluster.Done)).Validity);
    }

    [Theory]
    [InlineData("example.com/mine", "Approved")]
    [InlineData(CertificateSigners.ApiServerClientKubelet)]
    [InlineData(CertificateSigners.ApiServerClientKubelet, "Approved", "Denied")]
    [InlineData(CertificateSigners.ApiServerClientKubelet, "Approved", "Failed")]
    public void What_is_not_approved_or_not_ours_is_not_signed(string signer, params string[] conditions)
    {
        _cluster.With(New(signer, conditions: conditions));

        _cluster.Reconcile(CertificateControllers.DescribeSigner(_ => _requested), Key);

        Assert.Empty(_cluster.Done);
    }

    [Fact]
    public void A_request_that_its_signer_does_not_sign_fails()
    {
        _requested = _requested! with { Organizations = ["system:masters"] };
        _cluster.With(New(conditions: "Approved"));

        _cluster.Reconcile(CertificateControllers.DescribeSigner(_ => _requested), Key);

        var condition = Request.Status.Conditions![^1];
        Assert.Equal(("Failed", "SignerValidationFailure", "subject organization is not system:nodes"),
            (condition.Type, condition.Reason, condition.Message));
    }

    [Theory]
    [InlineData(CertificateSigners.KubeletServing, "10.0.0.1", null)]
    [InlineData(CertificateSigners.KubeletServing, null, "at least one DNS or IP subjectAltName is required")]
    [InlineData(CertificateSigners.ApiServerClientKubelet, "10.0.0.1", "IP subjectAltNames are not allowed")]
    [InlineData(CertificateSigners.ApiServerClient, "10.0.0.1", null)]
    public void What_the_signers_sign(string signer, string? address, string? refusal) =>
        Assert.Equal(refusal, CertificateSigners.Refusal(New(signer).Spec,
            _requested! with { IPAddresses = address is null ? [] : [address] }));

    [Theory]
    [InlineData(0, 25, true)]
    [InlineData(0, 23, false)]
    [InlineData(1, 2, true, "Denied")]
    [InlineData(1, 0, false, "Denied")]
    [InlineData(1, 2, false, "Approved")]
    [InlineData(1, 25, true, "Approved")]
    public void Old_requests_are_cleared_away(int _, int hours, bool isGone, params string[] conditions)
    {
        _cluster.With(New(conditions: conditions));
        _cluster.Now += TimeSpan.FromHours(hours);

        _cluster.Reconcile(CertificateControllers.Cleaner, ControllerDescription.WholeKey);

        Assert.Equal(isGone, _cluster.List<CertificateSigningRequest>().Count == 0);
    }
}
