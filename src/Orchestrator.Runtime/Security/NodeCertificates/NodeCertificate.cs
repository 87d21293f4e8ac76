using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CertificatesV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Security.Authorization;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Runtime.Security.NodeCertificates;

/// <summary>A certificate that a node has from its cluster: asked for by a request, kept in a file, and had anew before it ends.</summary>
/// <remarks>Kubelets' own rule: the next one is asked for when between 70 and 90 % of its time are over.</remarks>
public sealed class NodeCertificate
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    /// <summary>A timer takes no more at once.</summary>
    private static readonly TimeSpan LongestSleep = TimeSpan.FromDays(1);

    private readonly NodeCertificateOptions _options;
    private readonly CertificateSubject _subject;
    private volatile X509Certificate2? _current;

    /// <summary>Takes what the file has, if it is good still and says what it must.</summary>
    public NodeCertificate(NodeCertificateOptions options)
    {
        _options = options;
        _subject = CertificateSubject.Server("", options.DnsNames, options.Addresses) with
        {
            Name = new DistinguishedName(NodeIdentity.UserOf(options.NodeName), [NodeIdentity.Group]),
        };
        _current = Load();
    }

    /// <summary>With its key; null before the first. Whoever holds an older one may go on with it to its end.</summary>
    public X509Certificate2? Current => _current;

    /// <summary>Told of each that comes after the first.</summary>
    public event Action<X509Certificate2>? Renewed;

    /// <param name="spread">In [0, 1).</param>
    public static DateTimeOffset RenewalTime(X509Certificate2 certificate, double spread)
    {
        DateTimeOffset from = certificate.NotBefore, until = certificate.NotAfter;
        return from + (until - from) * (0.7 + 0.2 * spread);
    }

    /// <summary>A certificate that nobody believes, to listen with before there is one.</summary>
    public static X509Certificate2 Temporary(string nodeName, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new DistinguishedName($"{nodeName} (not signed yet)", []).Encode(), key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(now.AddMinutes(-5), now.AddDays(365));
    }

    /// <summary>Asks for one and waits for it; it is the current one then.</summary>
    /// <exception cref="CertificateDeniedException">It is refused, or nobody says anything.</exception>
    /// <exception cref="ApiException">The server refuses the request itself.</exception>
    /// <exception cref="TransportException">Nobody answers.</exception>
    public async Task RequestAsync(ApiClient client, CancellationToken cancellation)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var asked = await client.CreateAsync(RequestFor(key), cancellation: cancellation);
        byte[] signed = await AwaitAsync(client, asked.Name, cancellation);
        using var certificate = X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(signed));
        var withKey = certificate.CopyWithPrivateKey(key);
        SecretFiles.Write(_options.File, ClusterCertificates.CertificatePem(withKey) + ClusterCertificates.KeyPem(withKey));
        bool isFirst = _current is null;
        _current = withKey;
        if (!isFirst)
            Renewed?.Invoke(withKey);
    }

    /// <summary>Sees to it until cancelled that there is one.</summary>
    public async Task KeepAsync(ApiClient client, CancellationToken cancellation)
    {
        var pause = FirstPause;
        try
        {
            while (true)
            {
                await SleepUntilAsync(_current is { } certificate ? RenewalTime(certificate, _options.Spread()) : DateTimeOffset.MinValue, cancellation);
                try
                {
                    await RequestAsync(client, cancellation);
                    pause = FirstPause;
                }
                catch (Exception fault) when (fault is ApiException or TransportException or CertificateDeniedException or IOException or UnauthorizedAccessException)
                {
                    _options.Log.LogWarning("no new certificate by {Signer}, the next try is in {Pause} s: {Reason}", _options.SignerName, pause.TotalSeconds, fault.Message);
                    await Task.Delay(pause, _options.Clock, cancellation);
                    pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The end.
        }
    }

    private async Task SleepUntilAsync(DateTimeOffset due, CancellationToken cancellation)
    {
        while (due - _options.Clock.GetUtcNow() is { Ticks: > 0 } left)
            await Task.Delay(left < LongestSleep ? left : LongestSleep, _options.Clock, cancellation);
    }

    private CertificateSigningRequest RequestFor(ECDsa key)
    {
        var request = new CertificateRequest(_subject.Name.Encode(), key, HashAlgorithmName.SHA256);
        if (_subject.AlternativeNames() is { } names)
            request.CertificateExtensions.Add(names);
        return new CertificateSigningRequest
        {
            Metadata = new ObjectMeta { GenerateName = "csr-" },
            Spec = new CertificateSigningRequestSpec
            {
                SignerName = _options.SignerName,
                Request = Encoding.ASCII.GetBytes(request.CreateSigningRequestPem() + "\n"),
                Usages = [.. _options.Usages],
                ExpirationSeconds = _options.Lifetime is { } lifetime ? (int)lifetime.TotalSeconds : null,
            },
        };
    }

    private async Task<byte[]> AwaitAsync(ApiClient client, string name, CancellationToken cancellation)
    {
        var began = _options.Clock.GetUtcNow();
        bool isTold = false;
        while (true)
        {
            var request = await client.GetAsync<CertificateSigningRequest>("", name, cancellation);
            if (request.Status.Certificate is { Length: > 0 } certificate)
                return certificate;
            if (request.Status.Conditions.OrEmpty().Find(condition => condition.Type is "Denied" or "Failed") is { } refusal)
                throw new CertificateDeniedException($"the request {name} is {refusal.Type!.ToLowerInvariant()}: {refusal.Message}");
            var waited = _options.Clock.GetUtcNow() - began;
            if (waited > _options.Patience)
                throw new CertificateDeniedException($"nobody has approved the request {name}");
            if (waited > TimeSpan.FromSeconds(30) && !isTold)
            {
                isTold = true;
                _options.Log.LogWarning("the request {Name} waits for its approval: kubectl certificate approve {Name}", name, name);
            }
            await Task.Delay(_options.PollInterval, _options.Clock, cancellation);
        }
    }

    /// <summary>Null for what is missing, damaged, over, or names something else.</summary>
    private X509Certificate2? Load()
    {
        try
        {
            if (!System.IO.File.Exists(_options.File))
                return null;
            string pem = System.IO.File.ReadAllText(_options.File);
            var stored = X509Certificate2.CreateFromPem(pem, pem);
            if (stored.NotAfter > _options.Clock.GetUtcNow() && _subject.IsNamedBy(stored))
                return stored;
            stored.Dispose();
            return null;
        }
        catch (Exception fault) when (fault is CryptographicException or ArgumentException)
        {
            return null;
        }
    }
}
