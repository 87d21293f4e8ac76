using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.ApiServer.Writing;
using Orchestrator.Runtime.Security.Authorization;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>Every pod runs as a service account that exists, and finds a token of it where programs look for one.</summary>
internal sealed class ServiceAccountAdmission(TimeProvider clock) : IAdmissionPlugin
{
    public const string RootCertificates = "kube-root-ca.crt";

    /// <summary>An odd figure by which the API server knows tokens that old clients may keep beyond their time.</summary>
    public const int TokenSeconds = 3607;

    private const string DefaultAccount = "default";
    private const string MountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
    private const string VolumePrefix = "kube-api-access-";
    private const string EnforceMountable = "kubernetes.io/enforce-mountable-secrets";
    private const int DefaultAccountAttempts = 10;
    private static readonly TimeSpan DefaultAccountRetry = TimeSpan.FromMilliseconds(150);

    public string Name => "ServiceAccount";

    public async ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!request.IsFor("", "pods") || !request.IsCreate() || request.Object is not Pod pod || NodeRestriction.IsMirror(pod))
            return;
        if (string.IsNullOrEmpty(pod.Spec.ServiceAccountName))
            pod.Spec.ServiceAccountName = DefaultAccount;
        pod.Spec.ServiceAccount = pod.Spec.ServiceAccountName;
        var account = await FindAsync(request, pod.Spec.ServiceAccountName, cancellationToken);
        if (pod.Spec.AutomountServiceAccountToken ?? account.AutomountServiceAccountToken ?? true)
            MountToken(pod);
        if (pod.Spec.ImagePullSecrets.OrEmpty().Count == 0 && account.ImagePullSecrets is { Count: > 0 } secrets)
            pod.Spec.ImagePullSecrets = [.. secrets.Select(secret => new LocalObjectReference { Name = secret.Name })];
    }

    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!request.IsFor("", "pods") || !request.IsCreate() || request.Object is not Pod pod)
            return;
        if (NodeRestriction.IsMirror(pod))
        {
            CheckMirror(request, pod);
            return;
        }
        if (string.IsNullOrEmpty(pod.Spec.ServiceAccountName))
            throw AdmissionRefusals.Forbidden(request, $"no service account specified for pod {request.Namespace}/{pod.Name}");
        var account = await FindAsync(request, pod.Spec.ServiceAccountName, cancellationToken);
        if (account.Annotations.TryGetValue(EnforceMountable, out string? enforce) && enforce == "true")
            CheckMountable(request, pod, account);
    }

    internal static void MountToken(Pod pod)
    {
        string? existing = pod.Spec.Volumes.OrEmpty()
            .Select(volume => volume.Name).FirstOrDefault(name => name?.StartsWith(VolumePrefix, StringComparison.Ordinal) == true);
        string name = existing ?? NameGenerator.Generate(VolumePrefix);
        bool isNeeded = false;
        foreach (var container in pod.Spec.InitContainers.OrEmpty().Concat(pod.Spec.Containers.OrEmpty()))
        {
            if (container.VolumeMounts.OrEmpty().Any(mount => mount.MountPath == MountPath))
                continue;
            (container.VolumeMounts ??= []).Add(new VolumeMount { Name = name, ReadOnly = true, MountPath = MountPath });
            isNeeded = true;
        }
        if (isNeeded && existing is null)
            (pod.Spec.Volumes ??= []).Add(new Volume { Name = name, Projected = TokenVolume() });
    }

    private static ProjectedVolumeSource TokenVolume() => new()
    {
        DefaultMode = 0x1a4, // 0644
        Sources =
        [
            new VolumeProjection { ServiceAccountToken = new ServiceAccountTokenProjection { ExpirationSeconds = TokenSeconds, Path = "token" } },
            new VolumeProjection
            {
                ConfigMap = new ConfigMapProjection { Name = RootCertificates, Items = [new KeyToPath { Key = "ca.crt", Path = "ca.crt" }] },
            },
            new VolumeProjection
            {
                DownwardAPI = new DownwardAPIProjection
                {
                    Items =
                    [
                        new DownwardAPIVolumeFile
                        {
                            Path = "namespace",
                            FieldRef = new ObjectFieldSelector { ApiVersion = "v1", FieldPath = "metadata.namespace" },
                        },
                    ],
                },
            },
        ],
    };

    /// <summary>The default account of a new namespace is made by a controller: it is waited for a little.</summary>
    private async ValueTask<ServiceAccount> FindAsync(AdmissionRequest request, string name, CancellationToken cancellationToken)
    {
        if (await request.Objects.GetAsync<ServiceAccount>(request.Namespace, name, cancellationToken) is { } cached)
            return cached;
        int attempts = name == DefaultAccount ? DefaultAccountAttempts : 1;
        for (int attempt = 0; attempt < attempts; attempt++)
        {
            if (attempt > 0)
                await Task.Delay(DefaultAccountRetry, clock, cancellationToken);
            if (await request.Objects.GetLiveAsync<ServiceAccount>(request.Namespace, name, cancellationToken) is { } found)
                return found;
        }
        throw AdmissionRefusals.Forbidden(request,
            $"error looking up service account {request.Namespace}/{name}: serviceaccount {Quoted.Text(name)} not found");
    }

    private static void CheckMirror(AdmissionRequest request, Pod pod)
    {
        if (!string.IsNullOrEmpty(pod.Spec.ServiceAccountName))
            throw AdmissionRefusals.Forbidden(request, "a mirror pod may not reference service accounts");
        if (PodReferences.HasSecrets(pod))
            throw AdmissionRefusals.Forbidden(request, "a mirror pod may not reference secrets");
        bool projectsToken = pod.Spec.Volumes.OrEmpty()
            .Any(volume => (volume.Projected?.Sources).OrEmpty().Any(source => source.ServiceAccountToken is not null));
        if (projectsToken)
            throw AdmissionRefusals.Forbidden(request, "a mirror pod may not use ServiceAccountToken volume projections");
    }

    /// <summary>An account may ask that its pods use its own secrets alone.</summary>
    private static void CheckMountable(AdmissionRequest request, Pod pod, ServiceAccount account)
    {
        var mountable = account.Secrets.OrEmpty().Select(secret => secret.Name).ToHashSet();
        var pullable = account.ImagePullSecrets.OrEmpty().Select(secret => secret.Name).ToHashSet();
        foreach (var volume in pod.Spec.Volumes.OrEmpty())
        {
            if (volume.Secret?.SecretName is { } secret && !mountable.Contains(secret))
                throw Refused($"volume with secret.secretName={Quoted.Text(secret)} is not allowed because service account {account.Name} does not reference that secret");
        }
        foreach (var container in pod.Spec.InitContainers.OrEmpty().Concat(pod.Spec.Containers.OrEmpty()))
        {
            foreach (var variable in container.Env.OrEmpty())
            {
                if (variable.ValueFrom?.SecretKeyRef?.Name is { } secret && !mountable.Contains(secret))
                    throw Refused($"container {container.Name} with envVar {variable.Name} referencing secret.secretName={Quoted.Text(secret)} is not allowed because service account {account.Name} does not reference that secret");
            }
            foreach (var source in container.EnvFrom.OrEmpty())
            {
                if (source.SecretRef?.Name is { } secret && !mountable.Contains(secret))
                    throw Refused($"container {container.Name} with envFrom referencing secret.secretName={Quoted.Text(secret)} is not allowed because service account {account.Name} does not reference that secret");
            }
        }
        foreach (var secret in pod.Spec.ImagePullSecrets.OrEmpty())
        {
            if (!pullable.Contains(secret.Name))
                throw Refused($"imagePullSecrets[].name={Quoted.Text(secret.Name)} is not allowed because service account {account.Name} does not reference that imagePullSecret");
        }

        ApiException Refused(string text) => AdmissionRefusals.Forbidden(request, text);
    }
}
