//! The calls.

use drillmaster_models::Endpoint;
use drillmaster_models::veracode::{
    CampaignsProgress, DeleteUser, EngagementTime, FoundLesson, Invite, Invited, Learner, Lesson,
    LessonProgress, ListLessons, ListProgress, ListRoles, ListUsers, ListUsersDetails, Member,
    Onboarding, RoleMember, RoleProgress, Roles, SearchLessons, ShowCampaignsProgress,
    ShowEngagementTime, ShowLessonProgress, ShowOnboarding, ShowRoleProgress, ShowUserProgress,
    UpdateUser, UpdatedUser, User, UserDetails, UserMilestone, UserProgress,
};
use drillmaster_transport::{Connection, Transport};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The items of a list, through all of its pages. A page is asked for when it is needed, with the same
/// filters as the first. An item comes once, however often the service shows it. An error ends the stream.
pub type Items<T> = BoxStream<'static, Result<T, Error>>;

/// Calls Security Labs. Cloning is cheap.
///
/// Lists are streams of their items. Where an answer holds more than its list, such as the counts of the
/// onboarding, one call shows the page with the counts and another walks through the users.
#[derive(Clone)]
pub struct Client {
    connection: Connection,
}

impl Client {
    /// Calls over a transport.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self::over(Connection::new(transport))
    }

    /// Calls over a connection that is there already.
    pub fn over(connection: Connection) -> Self {
        Self { connection }
    }

    /// What the calls are made over, for endpoints by name.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Makes one call and gives its whole answer: a single page of a list, say.
    ///
    /// ```
    /// # use drillmaster_sandbox::Sandbox;
    /// # use drillmaster_veracode::{Client, ListUsers};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), drillmaster_veracode::Error> {
    /// # let client = Client::new(Sandbox::default());
    /// let second = client.send(&ListUsers { page: Some(1), limit: Some(10) }).await?;
    /// assert_eq!(second.users.len(), 10);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send<E: Endpoint>(&self, request: &E) -> Result<E::Response, Error> {
        Ok(self.connection.send(request).await?)
    }

    fn items<E: Endpoint, T>(&self, request: &E) -> Items<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.connection.items(request).map_err(Error::from).boxed()
    }

    /// All users of the team.
    pub fn users(&self) -> Items<User> {
        self.items(&ListUsers::default())
    }

    /// Users with what they have completed and scored.
    ///
    /// ```
    /// # use drillmaster_sandbox::Sandbox;
    /// # use drillmaster_veracode::{Client, ListUsersDetails, SortType};
    /// # use futures::TryStreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), drillmaster_veracode::Error> {
    /// # let client = Client::new(Sandbox::default());
    /// let mut by_name = client.users_details(&ListUsersDetails {
    ///     sort: Some("name".to_owned()),
    ///     sort_type: Some(SortType::Desc),
    ///     ..ListUsersDetails::default()
    /// });
    /// let last = by_name.try_next().await?.expect("a team has users");
    /// assert!(last.name.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn users_details(&self, request: &ListUsersDetails) -> Items<UserDetails> {
        self.items(request)
    }

    /// What one user has done, lesson by lesson.
    pub async fn user_progress(&self, id: impl Into<String>) -> Result<UserProgress, Error> {
        self.send(&ShowUserProgress::of(id)).await
    }

    /// Changes a user: only the fields that are given.
    ///
    /// ```
    /// # use drillmaster_sandbox::Sandbox;
    /// # use drillmaster_veracode::{Client, UpdateUser};
    /// # use futures::TryStreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), drillmaster_veracode::Error> {
    /// # let client = Client::new(Sandbox::default());
    /// # let id = client.users().try_next().await?.expect("a team has users").id;
    /// let name = Some("Grace Hopper".to_owned());
    /// let updated = client.update_user(&UpdateUser { name, ..UpdateUser::of(id) }).await?;
    /// assert_eq!(updated.name.as_deref(), Some("Grace Hopper"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update_user(&self, request: &UpdateUser) -> Result<UpdatedUser, Error> {
        self.send(request).await
    }

    /// Deletes a user with all their progress, for good. That there is no such user
    /// [is what was wanted](Error::is_already).
    pub async fn delete_user(&self, id: impl Into<String>) -> Result<(), Error> {
        self.send(&DeleteUser::of(id)).await.map(drop)
    }

    /// The team's milestones on its way on board, with one page of users.
    pub async fn onboarding(&self, request: &ShowOnboarding) -> Result<Onboarding, Error> {
        self.send(request).await
    }

    /// The users behind [`onboarding`](Self::onboarding), each with the milestone reached.
    pub fn onboarding_users(&self, request: &ShowOnboarding) -> Items<UserMilestone> {
        self.items(request)
    }

    /// The team's milestones in its campaigns or assignments, with one page of users.
    pub async fn campaigns_progress(
        &self,
        request: &ShowCampaignsProgress,
    ) -> Result<CampaignsProgress, Error> {
        self.send(request).await
    }

    /// The users behind [`campaigns_progress`](Self::campaigns_progress), each with the milestone reached.
    pub fn campaigns_users(&self, request: &ShowCampaignsProgress) -> Items<UserMilestone> {
        self.items(request)
    }

    /// The median time that users spend on labs.
    pub async fn engagement_time(
        &self,
        request: &ShowEngagementTime,
    ) -> Result<EngagementTime, Error> {
        self.send(request).await
    }

    /// The whole team with the progress of each, lesson by lesson.
    pub fn progress(&self) -> Items<Member> {
        self.items(&ListProgress::default())
    }

    /// The team's lessons.
    pub fn lessons(&self) -> Items<Lesson> {
        self.items(&ListLessons::default())
    }

    /// A lesson with one page of its users.
    pub async fn lesson_progress(&self, id: impl Into<String>) -> Result<LessonProgress, Error> {
        self.send(&ShowLessonProgress::of(id)).await
    }

    /// The users behind [`lesson_progress`](Self::lesson_progress). Only their ids say who they are.
    pub fn lesson_users(&self, id: impl Into<String>) -> Items<Learner> {
        self.items(&ShowLessonProgress::of(id))
    }

    /// Lessons with a tag such as `OWASP #8`, `CWE-601` or `Python`. They come without ids.
    pub fn search_lessons(&self, phrase: impl Into<String>) -> Items<FoundLesson> {
        let phrase = Some(phrase.into());
        self.items(&SearchLessons { phrase, ..SearchLessons::default() })
    }

    /// The team's roles.
    pub async fn roles(&self) -> Result<Roles, Error> {
        self.send(&ListRoles::default()).await
    }

    /// A role with one page of its users.
    pub async fn role_progress(&self, id: impl Into<String>) -> Result<RoleProgress, Error> {
        self.send(&ShowRoleProgress::of(id)).await
    }

    /// The users behind [`role_progress`](Self::role_progress).
    pub fn role_users(&self, id: impl Into<String>) -> Items<RoleMember> {
        self.items(&ShowRoleProgress::of(id))
    }

    /// Invites someone to the team. That they are invited [is so already](Error::is_already) or may be
    /// [in doubt](Error::is_in_doubt).
    pub async fn invite(&self, request: &Invite) -> Result<Invited, Error> {
        self.send(request).await
    }
}
