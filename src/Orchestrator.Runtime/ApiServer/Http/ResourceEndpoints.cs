using Microsoft.AspNetCore.Http;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Reading;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.ApiServer.Storage;
using Orchestrator.Runtime.ApiServer.Subresources;
using Orchestrator.Runtime.ApiServer.Writing;
using DeleteOptions = Orchestrator.Runtime.ApiServer.Requests.DeleteOptions;

namespace Orchestrator.Runtime.ApiServer.Http;

/// <summary>Serves requests on resources: from verb and subresource to the one who does it, and the answer.</summary>
internal sealed class ResourceEndpoints
{
    public required ResourceRegistry Resources { get; init; }

    public required ObjectStore Store { get; init; }

    public required ObjectLister Lister { get; init; }

    public required WatchStreams Watches { get; init; }

    public required ObjectCreator Creator { get; init; }

    public required ObjectUpdater Updater { get; init; }

    public required ObjectPatcher Patcher { get; init; }

    public required ObjectDeleter Deleter { get; init; }

    public required AdmissionChain Admission { get; init; }

    /// <summary>Null: everything is allowed.</summary>
    public required IAuthorizer? Authorizer { get; init; }

    public required PodBinder Binder { get; init; }

    public required PodEvictor Evictor { get; init; }

    public required NodeStreams NodeStreams { get; init; }

    public required MetricsReader Metrics { get; init; }

    public required ReviewTable Reviews { get; init; }

    public required TimeProvider Clock { get; init; }

    /// <summary>Objects that one deletecollection deletes at the same time.</summary>
    private const int ParallelDeletions = 8;

    /// <summary>So many objects that can not be read are named in the warnings of a list.</summary>
    private const int UnreadableWarnings = 10;

    private const string UnsafeDeleteVerb = "unsafe-delete-ignore-read-errors";

    /// <exception cref="ApiException">Whatever the client is to be told.</exception>
    public Task ServeAsync(ApiRequest request)
    {
        CheckPlace(request);
        if (request.View.Stored?.Strategy.DeprecationWarning is { } deprecation)
            request.Warnings.Add(deprecation);
        if (request.Path.Subresource.Length > 0)
            return ServeSubresourceAsync(request);
        if (!request.View.Description.Allows(request.Verb))
            throw ApiErrors.MethodNotAllowed();
        if (request.View.Stored is null)
            return ServeUnstoredAsync(request);
        return request.Verb switch
        {
            "get" => GetAsync(request, new ResourceTarget(request.View)),
            "list" => ListAsync(request),
            "watch" => WatchAsync(request),
            "create" => CreateAsync(request),
            "update" => PutAsync(request, new ResourceTarget(request.View)),
            "patch" => PatchAsync(request, new ResourceTarget(request.View)),
            "delete" => DeleteAsync(request),
            "deletecollection" => DeleteCollectionAsync(request),
            _ => throw ApiErrors.MethodNotAllowed(),
        };
    }

    private static void CheckPlace(ApiRequest request)
    {
        var description = request.View.Description;
        // A namespace's own path names it as the namespace, too. Below another one it must not be found: who asked was let in for that one.
        bool isItself = description is { Group: "", Plural: "namespaces" } && request.Path.Namespace == request.Name;
        bool isInNamespace = request.Path.Namespace.Length > 0 && !isItself;
        if (isInNamespace && !description.IsNamespaced)
            throw ApiErrors.PathNotFound();
        if (request.Path.Rest is not ("" or "/") && request.Path.Subresource != "proxy")
            throw ApiErrors.PathNotFound();
        if (request.Path.IsOldWatch && !HttpMethods.IsGet(request.Http.Request.Method))
            throw ApiErrors.MethodNotAllowed();
        // A name belongs to what is changed, and not to what is made: rules for one name must not be met by it.
        bool hasName = request.Name.Length > 0;
        if (request.Path.Subresource.Length == 0 && (request.Verb == "create" ? hasName : request.Verb is "update" or "patch" && !hasName))
            throw ApiErrors.MethodNotAllowed();
        // Over all namespaces one can only look.
        if (description.IsNamespaced && !isInNamespace && request.View.Stored is not null)
        {
            if (request.Name.Length > 0 && !request.Path.IsOldWatch)
                throw ApiErrors.PathNotFound();
            if (request.Verb is not ("list" or "watch"))
                throw ApiErrors.MethodNotAllowed();
        }
    }

    private Task ServeSubresourceAsync(ApiRequest request)
    {
        var description = request.View.Description;
        string subresource = request.Path.Subresource;
        var known = description.Subresource(subresource) ?? throw ApiErrors.PathNotFound();
        // OPTIONS has no verb: whoever was let in for all of them may send it on.
        bool isPassedOn = subresource == "proxy" && HttpMethods.IsOptions(request.Http.Request.Method);
        if (!isPassedOn && !known.Verbs.Contains(request.Verb))
            throw ApiErrors.MethodNotAllowed();
        switch (description.Plural, subresource)
        {
            case ("pods", "exec" or "attach" or "portforward" or "log" or "proxy"):
                return ConnectAsync(request, NodeStreams.ServePodAsync);
            case ("services", "proxy"):
                return ConnectAsync(request, NodeStreams.ServeServiceProxyAsync);
            case ("nodes", "proxy"):
                return ConnectAsync(request, NodeStreams.ServeNodeProxyAsync);
            case ("pods", "binding"):
                return BindAsync(request);
            case ("pods", "eviction"):
                return EvictAsync(request);
            case ("serviceaccounts", "token"):
                return ReviewAsync(request, known.Kind, request.Name);
        }

        IUpdateTarget target = subresource == "scale"
            ? new ScaleTarget(request.View)
            : new ResourceTarget(request.View, subresource);
        return request.Verb switch
        {
            "get" => GetAsync(request, target),
            "update" => PutAsync(request, target),
            "patch" => PatchAsync(request, target),
            _ => throw ApiErrors.MethodNotAllowed(),
        };
    }

    private Task ServeUnstoredAsync(ApiRequest request) => request.View.Description switch
    {
        { Group: "metrics.k8s.io" } => Metrics.ServeAsync(request),
        { Group: "", Plural: "bindings" } => BindAsync(request),
        { Group: "", Plural: "componentstatuses" } => ComponentStatuses.ServeAsync(request, Store),
        _ when request.Verb == "create" => ReviewAsync(request, request.View.Kind, ""),
        _ => throw ApiErrors.PathNotFound(),
    };

    private async Task GetAsync(ApiRequest request, IUpdateTarget target)
    {
        var form = MediaTypes.Negotiate(request.Http.Request, allowsTransforms: target is ResourceTarget or ScaleTarget);
        var value = await FindAsync(request).ConfigureAwait(false)
            ?? throw ApiErrors.NotFound(request.View.GroupResource, request.Name);
        await AnswerAsync(request, 200, value, target, form).ConfigureAwait(false);
    }

    private async Task<StoredObject?> FindAsync(ApiRequest request)
    {
        string revision = QueryOptions.Text(request.Http.Request.Query, "resourceVersion");
        if (revision.Length == 0)
            return await Store.GetAsync(request.View.Stored!, request.Key, request.Aborted).ConfigureAwait(false);
        var state = await Lister.StateAsync(request.View.Stored!, QueryOptions.Revision(revision), request.Aborted).ConfigureAwait(false);
        return state.Snapshot.Find(request.Key);
    }

    private async Task ListAsync(ApiRequest request)
    {
        var form = MediaTypes.Negotiate(request.Http.Request, allowsTransforms: true);
        var options = ListOptions.Read(request.Http.Request, request.View, isWatch: false);
        var list = await Lister.ListAsync(
            request.View.Stored!, options.Filter(request.Namespace, ""), options, request.Aborted).ConfigureAwait(false);
        foreach (string key in list.Unreadable.Take(UnreadableWarnings))
            request.Warnings.Add($"{request.View.GroupResource} \"{key}\" can not be read from the store and is left out");
        WriteWarnings(request);
        await ListAnswer.WriteAsync(request.Http, request.View, list, form, Clock.GetUtcNow()).ConfigureAwait(false);
    }

    private async Task WatchAsync(ApiRequest request)
    {
        var form = MediaTypes.Negotiate(request.Http.Request, allowsTransforms: true);
        var options = ListOptions.Read(request.Http.Request, request.View, isWatch: true);
        var filter = options.Filter(request.Namespace, request.Path.IsOldWatch ? request.Name : "");
        WriteWarnings(request);
        await Watches.ServeAsync(request, filter, options, form).ConfigureAwait(false);
    }

    private async Task CreateAsync(ApiRequest request)
    {
        var form = MediaTypes.Negotiate(request.Http.Request, allowsTransforms: true);
        var options = WriteOptions.Read(request.Http.Request, "CreateOptions");
        byte[] json = await ObjectDecoder.ReadJsonAsync(request.Http.Request, request.View.Kind, request.Aborted)
            .ConfigureAwait(false);
        var value = ObjectDecoder.DecodeForStore(json, request.View, options.FieldValidation, request.Warnings);
        var created = await Creator.CreateAsync(
            Context(request, options, "CreateOptions"), value, request.Aborted).ConfigureAwait(false);
        await AnswerAsync(request, 201, created, new ResourceTarget(request.View), form).ConfigureAwait(false);
    }

    private async Task PutAsync(ApiRequest request, IUpdateTarget target)
    {
        var form = MediaTypes.Negotiate(request.Http.Request, allowsTransforms: target is ResourceTarget);
        var options = WriteOptions.Read(request.Http.Request, "UpdateOptions");
        byte[] json = await ObjectDecoder.ReadJsonAsync(request.Http.Request, target.Kind, request.Aborted).ConfigureAwait(false);
        var sent = target.Decode(json, options.FieldValidation, request.Warnings);
        var context = Changing(request, options, "UpdateOptions");
        context.CheckAddress(sent);
        var (state, isCreated) = await Updater.UpdateAsync(
            context, target, _ => new Proposal(sent.DeepClone()), request.Aborted)
            .ConfigureAwait(false);
        await AnswerAsync(request, isCreated ? 201 : 200, state, target, form).ConfigureAwait(false);
    }

    private async Task PatchAsync(ApiRequest request, IUpdateTarget target)
    {
        var form = MediaTypes.Negotiate(request.Http.Request, allowsTransforms: target is ResourceTarget);
        var options = WriteOptions.Read(request.Http.Request, "PatchOptions");
        byte[] patch = BodyText.Repaired(await BodyReader.ReadAsync(request.Http.Request, request.Aborted).ConfigureAwait(false));
        var (state, isCreated) = await Patcher.PatchAsync(
            Changing(request, options, "PatchOptions"), target, ObjectDecoder.MediaTypeOf(request.Http.Request), patch, options,
            request.Aborted).ConfigureAwait(false);
        await AnswerAsync(request, isCreated ? 201 : 200, state, target, form).ConfigureAwait(false);
    }

    private async Task DeleteAsync(ApiRequest request)
    {
        var form = MediaTypes.Negotiate(request.Http.Request, allowsTransforms: true);
        var options = await DeleteOptions.ReadAsync(request.Http.Request, request.Aborted).ConfigureAwait(false);
        if (options.IgnoresReadError)
        {
            await DeleteUnreadableAsync(request).ConfigureAwait(false);
            return;
        }

        var result = await Deleter.DeleteAsync(DeleteContext(request, options), options, request.Aborted).ConfigureAwait(false);
        if (result.IsDeleted && !ReturnsDeleted(request.View.Description))
        {
            WriteWarnings(request);
            await Answers.WriteStatusAsync(request.Http, DeletedStatus(request, result.State)).ConfigureAwait(false);
            return;
        }

        bool isToBeWaitedFor = !result.IsDeleted
            && (options.PropagationPolicy == "Foreground" || options.OrphanDependents == false);
        await AnswerAsync(
            request, isToBeWaitedFor ? 202 : 200, result.State, new ResourceTarget(request.View), form).ConfigureAwait(false);
    }

    /// <summary>Takes away what can not be read, whatever it was: no finalizer, admission or dependent is looked at.</summary>
    private async Task DeleteUnreadableAsync(ApiRequest request)
    {
        var description = request.View.Description;
        await AuthorizeAsync(request, UnsafeDeleteVerb, "", request.Aborted).ConfigureAwait(false);
        try
        {
            _ = await Store.GetAsync(request.View.Stored!, request.Key, request.Aborted).ConfigureAwait(false)
                ?? throw ApiErrors.NotFound(request.View.GroupResource, request.Name);
        }
        catch (UnreadableValueException unreadable)
        {
            if (!await Store.DeleteUnreadAsync(unreadable.StoreKey, unreadable.Revision, request.Aborted).ConfigureAwait(false))
                throw ApiErrors.Conflict(request.View.GroupResource, request.Name);
            await Answers.WriteStatusAsync(request.Http, ApiErrors.Success(new StatusDetails
            {
                Name = request.Name,
                Group = description.Group is { Length: > 0 } group ? group : null,
                Kind = description.Plural,
            })).ConfigureAwait(false);
            return;
        }

        throw ApiErrors.Invalid(new GroupKind(request.View.Kind.Group, request.View.Kind.Kind), request.Name,
            [FieldError.Invalid(
                FieldPath.Root.Child(DeleteOptions.IgnoresReadErrorField), true,
                "is exclusively used to delete corrupt object(s), try again by removing this option")]);
    }

    /// <summary>These answer with what they were, not with a Status.</summary>
    private static bool ReturnsDeleted(ResourceDescription description) => description is
    {
        Group: "",
        Plural: "pods" or "services" or "serviceaccounts" or "persistentvolumes" or "persistentvolumeclaims" or "podtemplates"
            or "resourcequotas",
    };

    private static Status DeletedStatus(ApiRequest request, StoredObject last) => ApiErrors.Success(new StatusDetails
    {
        Name = last.Name,
        Group = request.View.Description.Group is { Length: > 0 } group ? group : null,
        Kind = request.View.Description.Plural,
        Uid = last.Uid,
    });

    private async Task DeleteCollectionAsync(ApiRequest request)
    {
        var form = MediaTypes.Negotiate(request.Http.Request, allowsTransforms: true);
        var listOptions = ListOptions.Read(request.Http.Request, request.View, isWatch: false);
        var options = await DeleteOptions.ReadAsync(request.Http.Request, request.Aborted).ConfigureAwait(false);
        if (options.IgnoresReadError)
            throw ApiErrors.Invalid(new GroupKind("meta.k8s.io", "DeleteOptions"), "",
                [FieldError.Invalid(
                    FieldPath.Root.Child(DeleteOptions.IgnoresReadErrorField), true,
                    "is not allowed with DELETECOLLECTION, try again after removing the option")]);
        var list = await Lister.ListAsync(
            request.View.Stored!, listOptions.Filter(request.Namespace, ""), listOptions, request.Aborted).ConfigureAwait(false);
        var context = DeleteContext(request, options);
        await Parallel.ForEachAsync(
            list.Items,
            new ParallelOptions { MaxDegreeOfParallelism = ParallelDeletions, CancellationToken = request.Aborted },
            async (item, cancellationToken) =>
            {
                try
                {
                    await Deleter.DeleteAsync(
                        context with { Name = item.Name, Namespace = item.Namespace, Warnings = [] }, options, cancellationToken)
                        .ConfigureAwait(false);
                }
                catch (ApiException exception) when (exception.IsNotFound)
                {
                    // Somebody else was faster.
                }
            }).ConfigureAwait(false);
        WriteWarnings(request);
        await ListAnswer.WriteAsync(request.Http, request.View, list, form, Clock.GetUtcNow()).ConfigureAwait(false);
    }

    private async Task ConnectAsync(ApiRequest request, Func<ApiRequest, Task> serve)
    {
        if (!Admission.IsEmpty)
        {
            var context = new WriteContext
            {
                View = request.View, Namespace = request.Namespace, Name = request.Name, User = request.User,
                Subresource = request.Path.Subresource, Warnings = request.Warnings,
            };
            var admission = Admission.Request(context, AdmissionOperation.Connect, null, null);
            await Admission.MutateAsync(context, admission, request.Aborted).ConfigureAwait(false);
            await Admission.ValidateAsync(context, admission, request.Aborted).ConfigureAwait(false);
        }

        WriteWarnings(request);
        await serve(request).ConfigureAwait(false);
    }

    private async Task BindAsync(ApiRequest request)
    {
        var options = WriteOptions.Read(request.Http.Request, "CreateOptions");
        byte[] json = await ObjectDecoder.ReadJsonAsync(request.Http.Request, Binding.StaticKind, request.Aborted)
            .ConfigureAwait(false);
        var binding = (Binding)ObjectDecoder.Decode(json, Binding.StaticKind, options.FieldValidation, request.Warnings);
        string name = request.Name.Length > 0 ? request.Name : binding.Name;
        if (name.Length == 0)
            throw ApiErrors.BadRequest("name must be provided");
        var pods = Resources.ViewOf<Pod>();
        var context = Context(request, options, "CreateOptions") with
        {
            View = pods, Name = name, Namespace = request.Path.Namespace, Subresource = "binding",
        };
        context = await AdmitCreationAsync(context, binding, request.Aborted).ConfigureAwait(false);
        await Binder.BindAsync(context, binding, request.Aborted).ConfigureAwait(false);
        WriteWarnings(request);
        var status = ApiErrors.Success();
        status.Code = 201;
        await Answers.WriteStatusAsync(request.Http, status).ConfigureAwait(false);
    }

    private async Task EvictAsync(ApiRequest request)
    {
        var options = WriteOptions.Read(request.Http.Request, "CreateOptions");
        byte[] json = await ObjectDecoder.ReadJsonAsync(request.Http.Request, Eviction.StaticKind, request.Aborted)
            .ConfigureAwait(false);
        var eviction = (Eviction)ObjectDecoder.Decode(json, Eviction.StaticKind, options.FieldValidation, request.Warnings);
        if (eviction.Name.Length > 0 && eviction.Name != request.Name)
            throw ApiErrors.BadRequest(
                $"name in URL does not match name in Eviction object: {request.Name} != {eviction.Name}");
        var sent = eviction.DeleteOptions;
        var delete = new DeleteOptions
        {
            GracePeriodSeconds = sent?.GracePeriodSeconds,
            Uid = sent?.Preconditions?.Uid,
            ResourceVersion = sent?.Preconditions?.ResourceVersion,
            PropagationPolicy = sent?.PropagationPolicy,
            IsDryRun = options.IsDryRun || sent?.DryRun?.Contains("All") == true,
        };
        var context = Context(request, options, "CreateOptions") with { IsDryRun = delete.IsDryRun };
        context = await AdmitCreationAsync(context, eviction, request.Aborted).ConfigureAwait(false);
        await Evictor.EvictAsync(context, eviction, delete, request.Aborted).ConfigureAwait(false);
        WriteWarnings(request);
        var status = ApiErrors.Success();
        status.Code = 201;
        await Answers.WriteStatusAsync(request.Http, status).ConfigureAwait(false);
    }

    /// <summary>What is posted to a subresource is created, whatever becomes of the object: in a namespace that goes it is refused.</summary>
    /// <returns>For the change that follows, which is not asked about again.</returns>
    private async ValueTask<WriteContext> AdmitCreationAsync(WriteContext context, IKubernetesObject sent, CancellationToken cancellationToken)
    {
        if (!Admission.IsEmpty)
        {
            var admission = Admission.Request(context, AdmissionOperation.Create, sent, null, sent.GroupVersionKind);
            await Admission.MutateAsync(context, admission, cancellationToken).ConfigureAwait(false);
            await Admission.ValidateAsync(context, admission, cancellationToken).ConfigureAwait(false);
        }

        return context with { SkipsAdmission = true };
    }

    private async Task ReviewAsync(ApiRequest request, GroupVersionKind kind, string name)
    {
        var handler = Reviews.Find(kind) ?? throw ApiErrors.PathNotFound();
        // What is never stored has no metadata to be shown as a table or alone.
        MediaTypes.Negotiate(request.Http.Request, allowsTransforms: false);
        var options = WriteOptions.Read(request.Http.Request, "CreateOptions");
        byte[] json = await ObjectDecoder.ReadJsonAsync(request.Http.Request, kind, request.Aborted).ConfigureAwait(false);
        var review = ObjectDecoder.Decode(json, kind, options.FieldValidation, request.Warnings);
        Api.Defaulting.Defaults.Apply(review);
        var answer = await handler.CreateAsync(
            review, new ReviewContext(request.User, request.Path.Namespace, name, options.IsDryRun, request.Http), request.Aborted)
            .ConfigureAwait(false);
        WriteWarnings(request);
        await Answers.WriteJsonAsync(request.Http, 201, KubernetesJson.Serialize(answer)).ConfigureAwait(false);
    }

    private WriteContext Changing(ApiRequest request, WriteOptions options, string optionsKind) =>
        Context(request, options, optionsKind) with { CheckCreate = cancellation => CheckCreateAsync(request, cancellation) };

    private ValueTask CheckCreateAsync(ApiRequest request, CancellationToken cancellationToken) =>
        AuthorizeAsync(request, "create", request.Path.Subresource, cancellationToken);

    private async ValueTask AuthorizeAsync(ApiRequest request, string verb, string subresource, CancellationToken cancellationToken)
    {
        if (Authorizer is null)
            return;
        var description = request.View.Description;
        var attributes = RequestAttributes.ForResource(
            request.User, verb, description.Group, description.Version, description.Plural, request.Path.Namespace, request.Name,
            subresource);
        var decision = await Authorizer.AuthorizeAsync(attributes, cancellationToken).ConfigureAwait(false);
        if (!decision.IsAllowed)
            throw attributes.Forbidden(decision.Reason);
    }

    private static WriteContext Context(ApiRequest request, WriteOptions options, string optionsKind) => new()
    {
        View = request.View,
        Namespace = request.Namespace,
        Name = request.Name,
        User = request.User,
        Subresource = request.Path.Subresource,
        IsDryRun = options.IsDryRun,
        FieldManager = request.ManagerOf(options),
        Options = options.ToJson(optionsKind),
        Warnings = request.Warnings,
    };

    private static WriteContext DeleteContext(ApiRequest request, DeleteOptions options) => new()
    {
        View = request.View,
        Namespace = request.Namespace,
        Name = request.Name,
        User = request.User,
        IsDryRun = options.IsDryRun,
        Options = options.Json,
        Warnings = request.Warnings,
    };

    private Task AnswerAsync(ApiRequest request, int code, StoredObject value, IUpdateTarget target, AnswerForm form)
    {
        WriteWarnings(request);
        if (!form.IsTable)
            return Answers.WriteJsonAsync(request.Http, code, target.Answer(value, form.Form));
        if (target is ScaleTarget scale)
            return Answers.WriteJsonAsync(request.Http, code, scale.Table(value, form, Clock.GetUtcNow()));
        string revision = value.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture);
        byte[] table = ListAnswer.Table(
            request.View, request.View.Row(value, form.Form, Clock.GetUtcNow()), revision, form.MetaVersion, withColumns: true);
        return Answers.WriteJsonAsync(request.Http, code, table);
    }

    private static void WriteWarnings(ApiRequest request)
    {
        foreach (string warning in request.Warnings.Distinct())
            WarningHeader.Add(request.Http.Response, warning);
    }
}
