//! Talk in text, in one order for all, and the audience's questions.

use std::collections::VecDeque;
use std::time::Instant;

use signaling::{Private, Question, QuestionId, Refusal, RefusalCode, Role, Said, SayTo, ServerMessage, limit};

use crate::member::{Asked, Present};
use crate::room::Answered;
use crate::talk::unknown_site;
use crate::{Outbox, Room};

/// What was said and asked in text.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// The last [`limit::SAID_KEPT`].
    said: VecDeque<Said>,
    last_number: u32,
    questions: Vec<Question>,
}

impl Texts {
    pub(crate) fn said(&self) -> impl Iterator<Item = &Said> {
        self.said.iter()
    }

    pub(crate) fn questions(&self) -> &[Question] {
        &self.questions
    }

    pub(crate) fn take_said(&mut self, said: Said) {
        if self.said.len() >= limit::SAID_KEPT {
            self.said.pop_front();
        }
        self.last_number = said.number;
        self.said.push_back(said);
    }

    /// Takes one that is new, or has changed.
    pub(crate) fn take_question(&mut self, question: Question) {
        if let Some(known) = self.questions.iter_mut().find(|known| known.id == question.id) {
            *known = question;
            return;
        }
        let answered = self.questions.iter().position(|known| known.answer.is_some());
        if let Some(answered) = answered.filter(|_| self.questions.len() >= limit::QUESTIONS_KEPT) {
            self.questions.remove(answered);
        }
        self.questions.push(question);
    }
}

impl Room {
    pub(crate) fn say(&mut self, now: Instant, asked: Asked, to: SayTo, text: String, out: &mut Outbox) -> Answered {
        check_text(&text, limit::TEXT_BYTES)?;
        let member = &self.members[&asked.member].member;
        if let SayTo::Site(site) = &to {
            if member.site.as_ref().is_some_and(|own| own != site) {
                return Err(Refusal::new(RefusalCode::NotAllowed, "A site's talk is its own and the panel's."));
            }
            if !self.sites().contains(site) {
                return Err(unknown_site(site));
            }
        }
        let (name, text) = (member.name.clone(), Private::new(text));
        let number = self.texts.last_number.wrapping_add(1);
        let said = Said { number, at_ms: self.wall_ms(now), member: asked.member, name, to, text };
        self.texts.take_said(said.clone());
        let is_for = |present: &Present, whole: &ServerMessage| is_for(&said, present).then(|| whole.clone());
        self.tell_each(Some(asked), ServerMessage::Said { re: None, said: said.clone() }, is_for, out);
        Ok(())
    }

    pub(crate) fn ask(&mut self, now: Instant, asked: Asked, text: String, out: &mut Outbox) -> Answered {
        check_text(&text, limit::TEXT_BYTES)?;
        let is_open = |question: &&Question| question.answer.is_none() && question.member == Some(asked.member);
        if self.texts.questions.iter().filter(is_open).count() >= limit::QUESTIONS_OF_ONE {
            let sentence = "This member has asked enough until the panel answers.";
            return Err(Refusal::new(RefusalCode::TooMany, sentence));
        }
        let is_answered = |question: &Question| question.answer.is_some();
        if self.texts.questions.len() >= limit::QUESTIONS_KEPT && !self.texts.questions.iter().any(is_answered) {
            return Err(Refusal::new(RefusalCode::TooMany, "Too many questions wait for an answer."));
        }
        let id = QuestionId(self.next_id());
        let question = Question {
            id,
            at_ms: self.wall_ms(now),
            member: Some(asked.member),
            name: Some(self.members[&asked.member].member.name.clone()),
            text: Private::new(text),
            answer: None,
            on_air: false,
        };
        self.texts.take_question(question.clone());
        let for_one = |present: &Present, whole: &ServerMessage| {
            (present.standing.is_panel() || present.member.id == asked.member).then(|| whole.clone())
        };
        self.tell_each(Some(asked), ServerMessage::Asked { re: None, question }, for_one, out);
        Ok(())
    }

    pub(crate) fn answer_question(&mut self, asked: Asked, id: QuestionId, text: String, out: &mut Outbox) -> Answered {
        check_text(&text, limit::TEXT_BYTES)?;
        self.change_question(asked, id, |question| question.answer = Some(Private::new(text)), out)
    }

    pub(crate) fn air_question(&mut self, asked: Asked, id: QuestionId, on_air: bool, out: &mut Outbox) -> Answered {
        self.change_question(asked, id, |question| question.on_air = on_air, out)
    }

    fn change_question(
        &mut self,
        asked: Asked,
        id: QuestionId,
        change: impl FnOnce(&mut Question),
        out: &mut Outbox,
    ) -> Answered {
        let question = self.texts.questions.iter_mut().find(|question| question.id == id);
        let Some(question) = question else {
            return Err(Refusal::new(RefusalCode::UnknownQuestion, format!("There is no question {}.", id.0)));
        };
        let was_on_air = question.on_air;
        change(question);
        let question = question.clone();
        let for_one = |present: &Present, _: &ServerMessage| {
            // Whoever has seen it on air sees it go.
            let question = as_known(&question, present, was_on_air || question.on_air)?;
            Some(ServerMessage::QuestionChanged { re: None, question })
        };
        self.tell_each(
            Some(asked),
            ServerMessage::QuestionChanged { re: None, question: question.clone() },
            for_one,
            out,
        );
        Ok(())
    }

    /// What was said before somebody came, as far as it is for it.
    pub(crate) fn said_before(&self, present: &Present) -> Vec<Said> {
        if !self.policy.history.contains(&present.role()) {
            return Vec::new();
        }
        self.texts.said.iter().filter(|said| is_for(said, present)).cloned().collect()
    }

    /// The questions that somebody may know.
    pub(crate) fn questions_of(&self, present: &Present) -> Vec<Question> {
        let questions = self.texts.questions.iter();
        questions.filter_map(|question| as_known(question, present, question.on_air)).collect()
    }

    pub(crate) fn wall_ms(&self, now: Instant) -> u64 {
        (self.since_1970 + now.saturating_duration_since(self.began)).as_millis() as u64
    }
}

fn is_for(said: &Said, present: &Present) -> bool {
    match &said.to {
        SayTo::Everybody => present.role() != Role::Device,
        SayTo::Panel => present.standing.is_panel(),
        SayTo::Site(site) => present.standing.is_panel() || present.member.site.as_ref() == Some(site),
    }
}

/// A question as somebody may know it: the panel and who asked know whose it is.
fn as_known(question: &Question, present: &Present, is_everybody_s: bool) -> Option<Question> {
    if present.standing.is_panel() || question.member == Some(present.member.id) {
        return Some(question.clone());
    }
    is_everybody_s.then(|| Question { member: None, name: None, ..question.clone() })
}

/// Text for people: not empty, no longer than so many bytes, without control characters but line ends.
pub(crate) fn check_text(text: &str, most_bytes: usize) -> Answered {
    let is_odd = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    if text.trim().is_empty() || text.len() > most_bytes || text.chars().any(is_odd) {
        let sentence = format!("A text has 1 to {most_bytes} bytes and no control characters.");
        return Err(Refusal::new(RefusalCode::BadText, sentence));
    }
    Ok(())
}
