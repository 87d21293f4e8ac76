using System.Diagnostics;
using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Images;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>A container does not run though it should, for the reason that its status shows.</summary>
/// <param name="retryAt">When it makes sense to try again; null: soon.</param>
internal sealed class ContainerStartException(WaitingReason reason, DateTimeOffset? retryAt) : Exception(reason.Message)
{
    public WaitingReason Reason { get; } = reason;
    public DateTimeOffset? RetryAt { get; } = retryAt;
}

/// <summary>The way of one container to its start: image, creation, start, postStart hook, each with its events.</summary>
internal sealed class ContainerStarter(PodWorker worker, Kubelet kubelet, PullBackoff pullBackoff)
{
    /// <summary>How long a postStart hook may take; upstream gives it as long as the container lives.</summary>
    private static readonly TimeSpan HookTimeout = TimeSpan.FromMinutes(2);

    /// <summary>How long an error is shown before the back-off is.</summary>
    private static readonly TimeSpan ErrorShown = TimeSpan.FromSeconds(2);

    public async Task StartAsync(Pod pod, ContainerStart start, PodSandbox sandbox, CancellationToken ct)
    {
        PodContainer container = start.Container;
        await ProvideImageAsync(pod, container, ct);
        ContainerConfig config = await ConfigureAsync(pod, start, sandbox, ct);
        string id = await CreateAsync(container, sandbox, config, ct);
        await RemoveOldLivesAsync(container, start.Attempt, ct);
        await StartAsync(container, id, ct);
        await RunPostStartAsync(container, id, ct);
    }

    /// <summary>What is kept of a container's lives: this one, and the one before for its logs and state.</summary>
    private async Task RemoveOldLivesAsync(PodContainer container, int attempt, CancellationToken ct)
    {
        foreach (RuntimeContainer old in worker.Observed.Containers)
        {
            if (old.Name == container.Name && old.Attempt < attempt - 1 && old.State != RuntimeContainerState.Running)
                await kubelet.Runtime.RemoveContainerAsync(old.Id, ct);
        }
    }

    private async Task ProvideImageAsync(Pod pod, PodContainer container, CancellationToken ct)
    {
        string image = container.Spec.Image ?? "";
        if (!ImageReference.IsValid(image))
        {
            string text = $"Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": invalid reference format";
            worker.Emit(container, "Warning", "InspectFailed", text);
            throw Waiting(container, "InvalidImageName", text, null);
        }
        string policy = container.Spec.ImagePullPolicy ?? (ImageReference.IsLatest(image) ? "Always" : "IfNotPresent");
        bool isPresent = await kubelet.Images.ImageStatusAsync(image, ct) is not null;
        if (isPresent && policy != "Always")
        {
            worker.Emit(container, "Normal", "Pulled", $"Container image \"{image}\" already present on machine");
            return;
        }
        if (policy == "Never")
        {
            string text = $"Container image \"{image}\" is not present with pull policy of Never";
            worker.Emit(container, "Warning", "ErrImageNeverPull", text);
            throw Waiting(container, "ErrImageNeverPull", text, null);
        }
        await PullAsync(pod, container, image, ct);
    }

    private async Task PullAsync(Pod pod, PodContainer container, string image, CancellationToken ct)
    {
        if (pullBackoff.Wait(image, worker.Now) is { } wait)
        {
            DateTimeOffset shownUntil = wait.FailedAt + ErrorShown;
            if (worker.Now < shownUntil)
                throw new ContainerStartException(new WaitingReason("ErrImagePull", wait.Error), shownUntil);
            worker.Emit(container, "Normal", "BackOff", $"Back-off pulling image \"{image}\"");
            throw Waiting(container, "ImagePullBackOff", $"Back-off pulling image \"{image}\": ErrImagePull: {wait.Error}", wait.Until);
        }
        worker.Emit(container, "Normal", "Pulling", $"Pulling image \"{image}\"");
        long asked = Stopwatch.GetTimestamp();
        await kubelet.PullTurns.WaitAsync(ct);
        try
        {
            long began = Stopwatch.GetTimestamp();
            RuntimeImage pulled = await PullWithSecretsAsync(pod, image, ct);
            worker.Emit(container, "Normal", "Pulled",
                $"Successfully pulled image \"{image}\" in {Since(began)} ({Since(asked)} including waiting). Image size: {pulled.SizeBytes} bytes.");
            pullBackoff.Succeeded(image);
        }
        catch (CriException e)
        {
            pullBackoff.Failed(image, e.Message, worker.Now);
            worker.Emit(container, "Warning", "Failed", $"Failed to pull image \"{image}\": {e.Message}");
            throw Waiting(container, "ErrImagePull", e.Message, worker.Now + ErrorShown);
        }
        finally
        {
            kubelet.PullTurns.Release();
        }
    }

    private static string Since(long timestamp) => string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(timestamp).TotalMilliseconds:0}ms");

    /// <summary>Tries all credentials that fit, and none where none do.</summary>
    private async Task<RuntimeImage> PullWithSecretsAsync(Pod pod, string image, CancellationToken ct)
    {
        PodSandboxConfig sandbox = SandboxConfigs.For(pod, 0, kubelet.Options);
        var failures = new List<string>();
        foreach (RegistryCredentials? credentials in await CredentialsAsync(pod, image, ct))
        {
            try
            {
                return await kubelet.Images.PullImageAsync(image, credentials, sandbox, ct);
            }
            catch (CriException e)
            {
                failures.Add(e.Message);
            }
        }
        throw new CriException(failures.Count == 1 ? failures[0] : $"[{string.Join(", ", failures.Distinct())}]");
    }

    /// <summary>Those of the pod's secrets, then those that the node has itself.</summary>
    private async Task<IReadOnlyList<RegistryCredentials?>> CredentialsAsync(Pod pod, string image, CancellationToken ct)
    {
        List<RegistryCredentials?> all = [.. await FromSecretsAsync(pod, image, ct)];
        if (kubelet.Options.Containers is { } settings)
            all.AddRange(settings.Registries.CredentialsFor(image));
        return all.Count > 0 ? all : [null];
    }

    private async Task<IReadOnlyList<RegistryCredentials>> FromSecretsAsync(Pod pod, string image, CancellationToken ct)
    {
        if (pod.Spec.ImagePullSecrets is not { Count: > 0 } references)
            return [];
        var secrets = new PullSecrets();
        foreach (LocalObjectReference reference in references)
        {
            if (await kubelet.Api.FindAsync<Secret>(pod.Namespace, reference.Name ?? "", ct) is { } secret)
                secrets.Add(secret);
            else
                worker.Emit(
                    null, "Warning", "FailedToRetrieveImagePullSecret",
                    $"Unable to retrieve some image pull secrets ({reference.Name}); attempting to pull the image may not succeed.");
        }
        return secrets.For(image);
    }

    private async Task<ContainerConfig> ConfigureAsync(Pod pod, ContainerStart start, PodSandbox sandbox, CancellationToken ct)
    {
        string ip = pod.Spec.HostNetwork == true ? kubelet.Options.NodeIp : sandbox.Ip;
        if (!worker.IsStatic) // Those are not to wait for an API server.
            await kubelet.Services.ServiceCatalog.WaitForSyncAsync(ct);
        var environment = new ContainerEnvironment(
            kubelet.Api, pod, ip, kubelet.Options.NodeName, kubelet.Options.NodeIp,
            ServiceVariables.For(pod, kubelet.Services.ServiceCatalog.Of), kubelet.Options.Allocatable);
        try
        {
            IReadOnlyList<KeyValuePair<string, string>> variables = await environment.ResolveAsync(start.Container.Spec, ct);
            ContainerEnvironment.CheckSubPaths(start.Container.Spec, variables);
            ContainerConfig config = SandboxConfigs.For(pod, start.Container, start.Attempt, variables);
            return kubelet.Options.Containers is { } settings ? await CompleteAsync(pod, start, config, variables, ip, settings, ct) : config;
        }
        catch (ContainerStartException e)
        {
            Fail(start.Container, e.Message);
            throw;
        }
    }

    /// <summary>What only a real container has.</summary>
    private async Task<ContainerConfig> CompleteAsync(
        Pod pod, ContainerStart start, ContainerConfig config, IReadOnlyList<KeyValuePair<string, string>> variables, string ip,
        ContainerSettings settings, CancellationToken ct)
    {
        PodContainer container = start.Container;
        if (await LinuxContainers.NonRootProblemAsync(pod, container, () => kubelet.Images.ImageStatusAsync(config.Image, ct)) is { } problem)
            throw new ContainerStartException(new WaitingReason("CreateContainerConfigError", problem), null);
        Quantity memory = kubelet.Options.Capacity.GetValueOrDefault("memory");
        ContainerConfig complete = LinuxContainers.Complete(
            config, pod, container, settings, memory,
            name => worker.Observed.Latest(name) is { State: RuntimeContainerState.Running } running ? running.Id : null);
        complete = complete with { Mounts = [.. complete.Mounts, .. worker.Volumes!.MountsOf(container, variables)] };
        return new PodFiles(settings, pod).AddTo(complete, container, ip);
    }

    private async Task<string> CreateAsync(PodContainer container, PodSandbox sandbox, ContainerConfig config, CancellationToken ct)
    {
        try
        {
            string id = await kubelet.Runtime.CreateContainerAsync(sandbox.Id, config, SandboxConfigs.For(worker.Pod, sandbox.Attempt, kubelet.Options), ct);
            worker.Emit(container, "Normal", "Created", $"Created container: {container.Name}");
            return id;
        }
        catch (CriException e)
        {
            throw Waiting(container, "CreateContainerError", e.Message, null);
        }
    }

    private async Task StartAsync(PodContainer container, string id, CancellationToken ct)
    {
        try
        {
            await kubelet.Runtime.StartContainerAsync(id, ct);
            worker.Emit(container, "Normal", "Started", $"Started container {container.Name}");
        }
        catch (CriException e)
        {
            // It stays as a life that ended: the next try counts as a restart, and back-off waits for it.
            throw Waiting(container, "RunContainerError", e.Message, worker.Now + ErrorShown);
        }
        catch (OperationCanceledException)
        {
            await kubelet.Runtime.RemoveContainerAsync(id, CancellationToken.None);
            throw;
        }
    }

    private async Task RunPostStartAsync(PodContainer container, string id, CancellationToken ct)
    {
        if (container.Spec.Lifecycle?.PostStart is not { } hook)
            return;
        if (await new LifecycleHooks(worker, kubelet).RunAsync(container, id, hook, HookTimeout, "PostStartHook", ct))
            return;
        worker.Emit(container, "Normal", "Killing", $"FailedPostStartHook: container {container.Name} will be killed");
        await kubelet.Runtime.StopContainerAsync(id, TimeSpan.FromSeconds(2), ct);
        throw Waiting(container, "PostStartHookError", "PostStartHook failed", worker.Now + ErrorShown);
    }

    private ContainerStartException Waiting(PodContainer container, string reason, string message, DateTimeOffset? retryAt)
    {
        if (reason != "PostStartHookError")
            Fail(container, reason is "ErrImagePull" or "ImagePullBackOff" or "ErrImageNeverPull" or "InvalidImageName" ? reason : message);
        return new ContainerStartException(new WaitingReason(reason, message), retryAt);
    }

    private void Fail(PodContainer container, string message) => worker.Emit(container, "Warning", "Failed", $"Error: {message}");
}
