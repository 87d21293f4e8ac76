using Orchestrator.Api.CertificatesV1;
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

    [Theory]
    [InlineData("system:node:a", "selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview.")]
    [InlineData("system:bootstrap:abc", "nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.")]
    public void Kubelets_certificates_are_approved_when_the_authorizer_agrees(string user, string permission, string message)
    {
        _cluster.With(New(user: user));

        _cluster.Settle(CertificateControllers.DescribeApprover(_ => _requested, (_, asked) => asked == permission), Key);

        var condition = Assert.Single(Request.Status.Conditions!);
        Assert.Equal(("Approved", "AutoApproved", message), (condition.Type, condition.Reason, condition.Message));
    }

    [Fact]
    public void Others_wait_for_people()
    {
        _cluster.With(New(user: "eve"));

        _cluster.Settle(CertificateControllers.DescribeApprover(_ => _requested, (_, _) => false), Key);

        Assert.Empty(_cluster.Done);
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
