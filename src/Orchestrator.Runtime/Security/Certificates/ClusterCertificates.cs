using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orchestrator.Control.Certificates;

namespace Orchestrator.Runtime.Security.Certificates;

/// <summary>The cluster's authorities, keys and certificates, kept as PEM files in one directory.</summary>
/// <remarks>
/// <code>
/// tls/                        0700, every file 0600
///   server-ca.{crt,key}       signs what servers show: the API server, kubelets
///   client-ca.{crt,key}       signs who users are; its certificate decides whom the API server believes
///   request-header-ca.{..}    signs front proxies
///   service-account.key       signs service accounts' tokens (RSA 2048)
///   apiserver.{crt,key}       what the API server shows
///   admin, scheduler, controller-manager, apiserver-kubelet-client, front-proxy-client .{crt,key}
///   kubelet-NAME.{crt,key}, kubelet-NAME-serving.{crt,key}
/// </code>
/// Authorities and the service accounts' key are made once and never replaced: all others hang on them. A certificate is issued anew
/// at a start when it ends soon, does not name what it must, or is not signed by the authority that stands here.
/// </remarks>
public sealed class ClusterCertificates : IDisposable
{
    /// <summary>Whom the API server takes itself for towards kubelets.</summary>
    public const string KubeletClientUser = "kube-apiserver-kubelet-client";

    private readonly ClusterCertificatesOptions _options;

    private ClusterCertificates(ClusterCertificatesOptions options)
    {
        _options = options;
        SecretFiles.MakeDirectory(options.Directory);
        ServerAuthority = LoadOrCreateAuthority("server-ca", "orchestrator-server-ca");
        ClientAuthority = LoadOrCreateAuthority("client-ca", "orchestrator-client-ca");
        RequestHeaderAuthority = LoadOrCreateAuthority("request-header-ca", "orchestrator-request-header-ca");
        ServiceAccountKey = LoadOrCreateServiceAccountKey();
        ApiServer = Ensure("apiserver", ServerAuthority, ApiServerSubject());
        Admin = Ensure("admin", ClientAuthority, CertificateSubject.Client("kubernetes-admin", "system:masters"));
        Scheduler = Ensure("scheduler", ClientAuthority, CertificateSubject.Client("system:kube-scheduler"));
        ControllerManager = Ensure("controller-manager", ClientAuthority, CertificateSubject.Client("system:kube-controller-manager"));
        KubeletClient = Ensure("apiserver-kubelet-client", ClientAuthority, CertificateSubject.Client(KubeletClientUser, "system:masters"));
        FrontProxyClient = Ensure("front-proxy-client", RequestHeaderAuthority, CertificateSubject.Client("front-proxy-client"));
    }

    public CertificateAuthority ServerAuthority { get; }

    public CertificateAuthority ClientAuthority { get; }

    public CertificateAuthority RequestHeaderAuthority { get; }

    public RSA ServiceAccountKey { get; }

    /// <summary>The API server's serving certificate, with its key.</summary>
    public X509Certificate2 ApiServer { get; }

    /// <summary>kubernetes-admin of system:masters.</summary>
    public X509Certificate2 Admin { get; }

    public X509Certificate2 Scheduler { get; }

    public X509Certificate2 ControllerManager { get; }

    /// <summary>What the API server shows kubelets.</summary>
    public X509Certificate2 KubeletClient { get; }

    public X509Certificate2 FrontProxyClient { get; }

    /// <summary>Loads what is there, makes what is missing, renews what ends soon.</summary>
    /// <exception cref="CryptographicException">A file that cannot be replaced is damaged; the text names it.</exception>
    public static ClusterCertificates Ensure(ClusterCertificatesOptions options) => new(options);

    /// <summary>Why nobody would believe what the authorities in this directory have signed, if the clock is right.</summary>
    /// <returns>Null if they would, or if there are none.</returns>
    public static string? ClockProblem(string directory, DateTimeOffset now)
    {
        string path = Path.Combine(directory, "server-ca.crt");
        if (!File.Exists(path))
            return null;
        using var authority = X509CertificateLoader.LoadCertificateFromFile(path);
        return ClockProblem(authority, now);
    }

    private static string? ClockProblem(X509Certificate2 authority, DateTimeOffset now) =>
        now < authority.NotBefore
            ? FormattableString.Invariant($"this machine's clock shows {now.UtcDateTime:u}, the cluster was made later, at {authority.NotBefore.ToUniversalTime():u}: set the clock")
        : now > authority.NotAfter
            ? FormattableString.Invariant($"this machine's clock shows {now.UtcDateTime:u}, the cluster's authority has ended at {authority.NotAfter.ToUniversalTime():u}: set the clock, or delete the cluster and make it anew")
        : null;

    /// <summary>The client certificate of a node's kubelet: <c>system:node:NAME</c> of <c>system:nodes</c>.</summary>
    public X509Certificate2 EnsureKubelet(string nodeName) => Ensure($"kubelet-{CheckFileName(nodeName)}", ClientAuthority,
        CertificateSubject.Client($"system:node:{nodeName}", "system:nodes"));

    /// <summary>What a node's kubelet shows the API server.</summary>
    public X509Certificate2 EnsureKubeletServing(string nodeName, IReadOnlyList<string> dnsNames, IReadOnlyList<IPAddress> addresses) =>
        Ensure($"kubelet-{CheckFileName(nodeName)}-serving", ServerAuthority,
            CertificateSubject.Server($"system:node:{nodeName}", dnsNames, addresses) with
            {
                Name = new DistinguishedName($"system:node:{nodeName}", ["system:nodes"]),
            });

    /// <summary>Who signs for one of Kubernetes' signers: what servers show is another matter than who users are.</summary>
    public CertificateAuthority AuthorityFor(string? signerName) =>
        signerName == CertificateSigners.KubeletServing ? ServerAuthority : ClientAuthority;

    /// <summary>PEM of the certificate.</summary>
    public static string CertificatePem(X509Certificate2 certificate) => certificate.ExportCertificatePem() + "\n";

    /// <summary>PEM of the private key.</summary>
    public static string KeyPem(X509Certificate2 certificate)
    {
        using AsymmetricAlgorithm? key = (AsymmetricAlgorithm?)certificate.GetECDsaPrivateKey() ?? certificate.GetRSAPrivateKey();
        return (key ?? throw new CryptographicException("The certificate has no private key.")).ExportPkcs8PrivateKeyPem() + "\n";
    }

    public void Dispose()
    {
        ServerAuthority.Dispose();
        ClientAuthority.Dispose();
        RequestHeaderAuthority.Dispose();
        ServiceAccountKey.Dispose();
        ApiServer.Dispose();
        Admin.Dispose();
        Scheduler.Dispose();
        ControllerManager.Dispose();
        KubeletClient.Dispose();
        FrontProxyClient.Dispose();
    }

    private static string CheckFileName(string nodeName)
    {
        bool isName = nodeName.Length > 0 && nodeName[0] != '.'
            && nodeName.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.');
        return isName ? nodeName : throw new ArgumentException($"\"{nodeName}\" is no name of a node.", nameof(nodeName));
    }

    private CertificateSubject ApiServerSubject()
    {
        string[] names =
        [
            "kubernetes", "kubernetes.default", "kubernetes.default.svc", $"kubernetes.default.svc.{_options.ClusterDomain}", "localhost",
            .. _options.HostNames,
        ];
        IPAddress[] addresses = [_options.FirstServiceAddress, IPAddress.Loopback, IPAddress.IPv6Loopback, .. _options.Addresses];
        return CertificateSubject.Server("kube-apiserver", names, addresses);
    }

    private CertificateAuthority LoadOrCreateAuthority(string file, string name)
    {
        // A key alone is a first start that was cut off: it has signed nothing yet.
        if (File.Exists(PathOf($"{file}.crt")))
        {
            var known = LoadOrExplain(file);
            return ClockProblem(known, _options.Clock.GetUtcNow()) is { } problem ? throw new CryptographicException(problem) : new(known);
        }
        var authority = CertificateAuthority.Create(name, _options.Clock.GetUtcNow(), _options.AuthorityLifetime);
        Save(file, authority.Certificate);
        return authority;
    }

    private X509Certificate2 LoadOrExplain(string file)
    {
        try
        {
            return Load(file);
        }
        catch (Exception error) when (error is CryptographicException or IOException or ArgumentException)
        {
            throw new CryptographicException(
                $"The authority in {PathOf(file)}.crt and .key cannot be read, and everything that it has signed hangs on it.", error);
        }
    }

    private RSA LoadOrCreateServiceAccountKey()
    {
        string path = PathOf("service-account.key");
        if (File.Exists(path))
        {
            var loaded = RSA.Create();
            loaded.ImportFromPem(File.ReadAllText(path));
            return loaded;
        }
        var key = RSA.Create(2048);
        SecretFiles.Write(path, key.ExportPkcs8PrivateKeyPem() + "\n");
        return key;
    }

    private X509Certificate2 Ensure(string file, CertificateAuthority authority, CertificateSubject subject)
    {
        var now = _options.Clock.GetUtcNow();
        if (TryLoad(file) is { } stored)
        {
            if (stored.NotAfter > now + _options.RenewBefore && subject.IsNamedBy(stored) && authority.IsTrusted(stored, subject.Usage, now))
                return stored;
            stored.Dispose();
        }
        var issued = authority.Issue(subject, now, _options.CertificateLifetime);
        Save(file, issued);
        return issued;
    }

    /// <summary>Null for what is missing, torn or damaged: it is issued anew.</summary>
    private X509Certificate2? TryLoad(string file)
    {
        try
        {
            return File.Exists(PathOf($"{file}.crt")) && File.Exists(PathOf($"{file}.key")) ? Load(file) : null;
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            return null;
        }
    }

    private X509Certificate2 Load(string file) =>
        X509Certificate2.CreateFromPem(File.ReadAllText(PathOf($"{file}.crt")), File.ReadAllText(PathOf($"{file}.key")));

    // The key first: a crash in between leaves a pair that does not fit, which is made anew, and never an authority without its key.
    private void Save(string file, X509Certificate2 certificate)
    {
        SecretFiles.Write(PathOf($"{file}.key"), KeyPem(certificate));
        SecretFiles.Write(PathOf($"{file}.crt"), CertificatePem(certificate));
    }

    private string PathOf(string file) => Path.Combine(_options.Directory, file);
}
